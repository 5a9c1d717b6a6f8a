"""How often the points of a policy came out which way.

Plain data that can be pickled, and added in any order: what workers count is brought together so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Counts:
    """How often a point came out true, came out false, and had no value because of an error.

    Of a rule: the runs in which it fired, did not fire, and failed. `cut`, of rules only: the runs
    in which its conditions were not counted to the end.
    """

    true: int = 0
    false: int = 0
    failed: int = 0
    cut: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.true + other.true,
            self.false + other.false,
            self.failed + other.failed,
            self.cut + other.cut,
        )

    @property
    def reached(self) -> int:
        """How often it was come to."""
        return self.true + self.false + self.failed


NONE: Final = Counts()


@dataclass(frozen=True, slots=True)
class Seen:
    """What some runs of one policy have seen, by the number of the point (see `Points`); points
    that were not reached are left out."""

    counts: Mapping[int, Counts] = field(default_factory=dict)
    runs: int = 0

    def __add__(self, other: Seen) -> Seen:
        counts = dict(self.counts)
        for number, found in other.counts.items():
            counts[number] = counts.get(number, NONE) + found
        return Seen(counts, self.runs + other.runs)

    @property
    def reached(self) -> int:
        """The points that were reached, as a set of bits: `reached >> number & 1`.

        Where something was not counted to the end nothing is known to be unreached: all bits are
        set then (the number is -1).
        """
        if any(found.cut for found in self.counts.values()):
            return -1
        return sum(1 << number for number, found in self.counts.items() if found.reached)
