"""What is missing at a point, and what was seen of it, in a few words."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from policyc.runtime.testing.coverage.counts import Counts
from policyc.runtime.testing.coverage.points import Kind, Point

if TYPE_CHECKING:
    from policyc.runtime.testing.coverage.coverage import FileCoverage


Found = tuple[Point, Counts]

UNREACHED: Final = "never reached"


class State(StrEnum):
    """How much of a point was seen: both outcomes (of a rule: it fired), one, or none."""

    FULL = "full"
    PART = "part"
    NONE = "none"


def state_of(point: Point, counts: Counts) -> State:
    if counts.true and (counts.false or point.kind is Kind.RULE):
        return State.FULL
    return State.PART if counts.true or counts.false else State.NONE


def missing(point: Point, counts: Counts) -> str:
    """What was never seen, as in "never false"; empty where nothing is missing."""
    if state_of(point, counts) is State.FULL:
        return ""
    positive, negative = point.kind.outcomes
    if point.kind is Kind.RULE:
        return f"never {positive}" if counts.reached else "never run"
    if not counts.reached:
        return UNREACHED
    if counts.true:
        return f"never {negative}"
    return f"never {positive}" if counts.false else "always failed"


def seen(point: Point, counts: Counts) -> str:
    """How often it came out which way, as in "true 3, false 0"."""
    if not counts.reached:
        return "run 0" if point.kind is Kind.RULE else "reached 0"
    positive, negative = point.kind.outcomes
    found = f"{positive} {counts.true}, {negative} {counts.false}"
    return f"{found}, failed {counts.failed}" if counts.failed else found


def by_line(file: FileCoverage) -> dict[int, list[Found]]:
    """The points of a file by the line that they begin on, in order; lines without any are left
    out."""
    source = file.file.source
    lines: dict[int, list[Found]] = {}
    for found in file.points:
        lines.setdefault(source.position(found[0].span.start).line, []).append(found)
    return lines


def unfinished(file: FileCoverage) -> list[str]:
    """A sentence for each rule that was not counted to the end in some run."""
    return [
        f"{point.owner}: {counts.cut} of {counts.reached} runs were not counted to the end, "
        "so more may have been seen than is shown"
        for point, counts in file.points
        if counts.cut
    ]
