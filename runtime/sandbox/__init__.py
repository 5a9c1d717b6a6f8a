"""Sandboxes: where an agent's commands run, behind a gate that judges them and what they print."""
