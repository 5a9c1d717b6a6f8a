"""Places of a trace as the ranges that violations report: `0.content:11-16`, `1.tool_calls.0`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.runtime.events import Place

Mark = tuple["Place", int, int]
"""A place and a piece of its text, in characters, end exclusive; `(place, -1, -1)` is the whole
object."""


class SecretMark(tuple["Place", int, int]):
    """A mark of something that must not be shown; equal to the plain mark of the same piece."""

    __slots__ = ()


def whole(place: Place) -> Mark:
    return (place, -1, -1)


def render(mark: Mark) -> str:
    """The text form of a mark."""
    place, start, end = mark
    path = ".".join(map(str, place))
    return path if start < 0 else f"{path}:{start}-{end}"


def render_all(marks: Iterable[Mark]) -> list[str]:
    """The text forms in trace order, each once."""
    return [render(mark) for mark in sorted(set(marks), key=_order)]


def _order(mark: Mark) -> tuple[list[tuple[int, int, str]], int, int]:
    place, start, end = mark
    keys = [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in place]
    return keys, start, end


def occurrences(part: str, text: str) -> list[tuple[int, int]]:
    """Where a text occurs in another, from left to right without overlap; an empty one nowhere."""
    found: list[tuple[int, int]] = []
    if not part:
        return found
    at = text.find(part)
    while at >= 0:
        found.append((at, at + len(part)))
        at = text.find(part, at + len(part))
    return found
