"""Reads shell commands without running them: `shell(command)` for policies.

`reader` follows a script, `invocation` its commands, `risks` says what is risky about one,
`records` is what a policy sees. Only `script` knows the parser.
"""
