"""Reads PowerShell without running it: `powershell(command)` for policies, with the result of
`shell`. Needs the extra `powershell`, which brings the grammar.
"""
