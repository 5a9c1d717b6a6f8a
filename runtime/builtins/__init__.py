"""The functions that a policy may call without an import, and the modules json, re and math."""
# ruff: noqa: A005  # only ever imported as policyc.runtime.builtins
