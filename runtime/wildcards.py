"""Names with `*` for any run of characters, matched in one pass over the name."""

from __future__ import annotations


def wildcard_match(pattern: str, name: object) -> bool:
    """Whether a name fits a pattern to the very end; everything but `*` is literal.

    What is no text, as a trace may call a tool, fits none.
    """
    if not isinstance(name, str):
        return False
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == name
    last = rest.pop()
    if len(name) < len(first) + len(last):
        return False
    if not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in rest:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
