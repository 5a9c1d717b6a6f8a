"""Passes: plans in simpler words, with the same meaning.

A pass takes a plan and gives one with the same violations, marks and errors for every trace. They
are no part of the compiler's way from text to code: policies seldom hold what they remove, and who
counts or explains conditions wants those that were written. `registry.simplified` runs them all,
for whoever asks whether two plans mean the same.
"""
