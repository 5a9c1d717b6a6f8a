"""Conformance: what other people's tests and case files say the language means."""
