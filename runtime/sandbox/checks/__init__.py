"""The checks that every provider of sandboxes must pass."""
