"""Mutation operators: each makes one kind of change of a policy.

An operator is a function that looks at one site and yields the changes that it knows there, and a
row in `registry.py`.
"""
