"""Where a policy is evaluated: in this process, or by a server over HTTP."""
