"""Analyzers: what is asked before an agent's action runs, and what is decided.

An analyzer assesses an action (`analyzer.py`): by a policy, a service, the model's own word, or
several of these. Its assessment becomes a decision (`risk.py`), its trace holds what ran
(`ledger.py`), and `registry.py` knows all analyzers that are installed, by name.
"""
