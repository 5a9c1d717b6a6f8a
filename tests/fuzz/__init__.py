"""Fuzzing: whatever it is given, policyc answers in bounded time or says what is wrong."""
