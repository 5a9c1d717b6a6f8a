"""Fuzzing: whatever the text, the trace or the values, policyc answers in bounded time, or says what is wrong."""
