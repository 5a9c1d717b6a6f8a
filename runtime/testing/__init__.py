"""Testing policies: case files, what runs them, and what is reported about it.

A case file says what a policy must answer on some traces. `case_reading` makes `cases.CaseFile`s of
the text, `running` runs one case, `session` all of them.
"""
