"""What policyc costs beside hand-written Python and invariant-ai: `python -m benchmarks`."""
