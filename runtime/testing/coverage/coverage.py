"""Coverage: what was seen of the points of some policies, and how much of it all that is.

Plain data. Coverages are added in any order, those of several policies and those of several
processes, and give the same sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

from policyc.grammar.source import Source
from policyc.runtime.testing.coverage.counts import NONE, Counts, Seen
from policyc.runtime.testing.coverage.points import Kind, Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from policyc.runtime.testing.coverage.points import Points


@dataclass(frozen=True, slots=True)
class File:
    """A policy file as it was compiled; `path` None is a text without a file."""

    path: str | None
    text: str

    @property
    def source(self) -> Source:
        return Source(self.text, self.path)


@dataclass(frozen=True, slots=True)
class Ratio:
    """`seen` of `total`."""

    seen: int
    total: int

    @property
    def percent(self) -> float:
        """From 0 to 100, rounded down to a tenth: 100 only where all was seen, and where there was
        nothing to see."""
        return 100.0 if not self.total else self.seen * 1000 // self.total / 10

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(self.seen + other.seen, self.total + other.total)

    def to_dict(self) -> dict[str, Any]:
        return {"seen": self.seen, "total": self.total, "percent": self.percent}


@dataclass(frozen=True, slots=True)
class Summary:
    """How much was seen. `rules`: those that fired. `outcomes`: of two for each point that is no
    rule. `cut`: runs that were not counted to the end for some rule: more may have been seen.
    """

    rules: Ratio
    outcomes: Ratio
    cut: int = 0

    @property
    def percent(self) -> float:
        """The smaller of both percentages: what `--min-coverage` is compared with."""
        return min(self.rules.percent, self.outcomes.percent)

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            self.rules + other.rules, self.outcomes + other.outcomes, self.cut + other.cut
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON reports."""
        return {
            "rules": self.rules.to_dict(),
            "outcomes": self.outcomes.to_dict(),
            "percent": self.percent,
            "cut": self.cut,
        }


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """One file of a coverage, with its points in the order of their places."""

    file: File
    points: tuple[tuple[Point, Counts], ...]

    @property
    def summary(self) -> Summary:
        rules = [counts for point, counts in self.points if point.kind is Kind.RULE]
        others = [counts for point, counts in self.points if point.kind is not Kind.RULE]
        return Summary(
            Ratio(sum(counts.true > 0 for counts in rules), len(rules)),
            Ratio(
                sum((counts.true > 0) + (counts.false > 0) for counts in others), 2 * len(others)
            ),
            sum(counts.cut for counts in rules),
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was seen of some files. `Coverage()` is that of none."""

    counts: Mapping[File, Mapping[Point, Counts]] = field(default_factory=dict)

    @classmethod
    def of(cls, points: Points, seen: Seen) -> Coverage:
        """The coverage of one policy."""
        files = [File(source.path, source.text) for source in points.plan.sources]
        counts: dict[File, dict[Point, Counts]] = {file: {} for file in files}
        for number, (point, source) in enumerate(zip(points.all, points.sources, strict=True)):
            counts[files[source]][point] = seen.counts.get(number, NONE)
        return cls(counts)

    @classmethod
    def total(cls, parts: Iterable[Coverage]) -> Coverage:
        """The sum of some coverages."""
        return reduce(cls.__add__, parts, cls())

    def __add__(self, other: Coverage) -> Coverage:
        counts = dict(self.counts)
        for file, found in other.counts.items():
            known = counts.get(file, {})
            counts[file] = {
                **known,
                **{point: known.get(point, NONE) + count for point, count in found.items()},
            }
        return Coverage(counts)

    @property
    def files(self) -> list[FileCoverage]:
        """By file, in the order of their names."""
        ordered = sorted(self.counts.items(), key=lambda item: (item[0].path or "", item[0].text))
        return [
            FileCoverage(
                file, tuple(sorted(found.items(), key=lambda item: (item[0].order(), item[0].text)))
            )
            for file, found in ordered
        ]

    @property
    def summary(self) -> Summary:
        """Of all files together."""
        return sum((file.summary for file in self.files), Summary(Ratio(0, 0), Ratio(0, 0)))


def shortfall(summary: Summary, minimum: float) -> str | None:
    """Why a summary is below a minimum in per cent, None where it is not: for `--min-coverage`."""
    parts = [
        f"{ratio.percent:g} % of the {name} ({ratio.seen} of {ratio.total})"
        for name, ratio in (("rules", summary.rules), ("outcomes", summary.outcomes))
        if ratio.percent < minimum
    ]
    return f"coverage is below {minimum:g} %: {' and '.join(parts)}" if parts else None
