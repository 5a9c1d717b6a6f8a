"""How deep lists and objects may be inside one another: in traces, and in what policies build."""

from __future__ import annotations

from typing import Any, Final

MAX_DEPTH: Final = 200
"""Levels in the data of a trace, and in JSON that a policy reads or writes."""


def is_too_deep(value: Any, most: int = MAX_DEPTH) -> bool:
    """Whether lists and objects are nested deeper than that many levels in a value."""
    level = [value]
    for _ in range(most):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(x for x in item.values() if isinstance(x, dict | list))
            elif isinstance(item, list):
                below.extend(x for x in item if isinstance(x, dict | list))
        if not below:
            return False
        level = below
    return True
