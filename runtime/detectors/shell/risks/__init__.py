"""What is risky about a command: a module for each family of risks, and their registry."""
