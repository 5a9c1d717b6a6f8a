"""`policyc serve`: the engine over HTTP.

One port has three interfaces: the session and the stateless API of the Invariant analysis server,
and `/v1`, our own. Evaluation happens in processes of its own (`workers`, `jobs`), so that a check
that hangs or dies is an answer like others. Needs the extra `policyc[server]`.
"""
