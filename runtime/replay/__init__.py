"""Replaying recorded traces: which decisions are others with a changed policy.

`rules` pairs the rules of two policies, `decisions` is what a policy says about a trace, `flips`
the difference, `judging` the work that several processes share, `tally` the sums and examples.
"""
