"""The language cases of invariant-ai's own tests, run against policyc by an adapter."""
