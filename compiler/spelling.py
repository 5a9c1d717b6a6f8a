"""Did you mean: the known name that a misspelt one is nearest to.

A name is only suggested when it is a small number of typing mistakes away, at most a third of its
length; a wrong suggestion is worse than none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def distance(left: str, right: str, limit: int) -> int:
    """The typing mistakes between two words, counted up to `limit`; `limit + 1` stands for more.

    A mistake is a letter too many, missing, wrong, or swapped with its neighbour.
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for row, char in enumerate(left, 1):
        current = [row]
        for column, other in enumerate(right, 1):
            cost = min(
                previous[column] + 1,
                current[column - 1] + 1,
                previous[column - 1] + (char != other),
            )
            if (
                row > 1
                and column > 1
                and char == right[column - 2]
                and left[row - 2] == other
                and char != other
            ):
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, previous = previous, current
    return previous[-1]


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to `name`, if one is near enough.

    Upper and lower case and underscores do not count as mistakes: `toolCall` is `ToolCall`.
    """
    plain = _plain(name)
    limit = len(name) // 3
    best: tuple[int, str] | None = None
    for candidate in candidates:
        if candidate == name:
            continue
        mistakes = distance(plain, _plain(candidate), limit)
        if mistakes <= limit and (best is None or (mistakes, candidate) < best):
            best = (mistakes, candidate)
    return best[1] if best else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A sentence for the help of a diagnostic, or None."""
    found = closest(name, candidates)
    return f"did you mean `{found}`?" if found else None


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
