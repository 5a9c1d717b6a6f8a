"""Where the generators take their decisions from: a random number, hypothesis, or a recorded list.

A generator that asks for nothing but `below(n)` can be driven by hypothesis in the test-suite, by a
seed in bulk runs (ten times as fast), and by a recorded list that `shrink` makes smaller until only
the cause of a difference is left. 0 is always the simplest choice.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class Choices(ABC):
    """A source of decisions."""

    @abstractmethod
    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""

    def pick(self, items: Sequence[T]) -> T:
        """One of some items, the simplest first."""
        return items[self.below(len(items))]

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.below(100) >= 100 - percent

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)


class SeededChoices(Choices):
    """Random choices; `taken` records them."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)
        self.taken: list[int] = []

    def below(self, n: int) -> int:
        value = self.random.randrange(n)
        self.taken.append(value)
        return value


class RecordedChoices(Choices):
    """Recorded choices; the simplest ones where the record ends or does not fit."""

    def __init__(self, record: Sequence[int]) -> None:
        self.record = record
        self.position = 0

    def below(self, n: int) -> int:
        at = self.position
        self.position += 1
        return min(self.record[at], n - 1) if at < len(self.record) else 0


class DrawnChoices(Choices):
    """Choices that hypothesis makes, and shrinks."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self.draw = draw

    def below(self, n: int) -> int:
        return self.draw(st.integers(0, n - 1)) if n > 1 else 0


def shrink(
    record: Sequence[int], still_fails: Callable[[list[int]], bool], rounds: int = 2000
) -> list[int]:
    """A shorter record of simpler choices that still fails."""
    best = list(record)
    left = rounds

    def attempt(candidate: list[int]) -> bool:
        nonlocal best, left
        if left <= 0 or candidate == best:
            return False
        left -= 1
        if still_fails(candidate):
            best = candidate
            return True
        return False

    is_smaller = True
    while is_smaller and left > 0:
        is_smaller = False
        for size in (64, 32, 16, 8, 4, 2, 1):
            at = len(best) - size
            while at >= 0:
                if attempt(best[:at] + best[at + size :]):
                    is_smaller = True
                at -= size
        for at in range(len(best) - 1, -1, -1):
            if at < len(best) and best[at]:
                value = best[at]
                if attempt([*best[:at], 0, *best[at + 1 :]]) or attempt(
                    [*best[:at], value // 2, *best[at + 1 :]]
                ):
                    is_smaller = True
    return best
