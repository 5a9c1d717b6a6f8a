"""Coverage in the short forms that tests compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc import Policy
from policyc.runtime.testing.coverage.points import Kind
from policyc.runtime.testing.coverage.recorder import Recorder

if TYPE_CHECKING:
    from tests.traces import Event

    from policyc.runtime.testing.coverage.coverage import Coverage

Row = tuple[int, int] | tuple[int, int, int]


def recorder(source: str, path: str | None = None, **options: Any) -> Recorder:
    return Recorder(Policy.from_string(source, path, **options)._engine)


def coverage(source: str, *traces: list[Event], path: str | None = None, **given: Any) -> Coverage:
    """The coverage of a policy by some traces, whole."""
    counting = recorder(source, path)
    parts = [counting.coverage(), *(counting.coverage(counting.run(x, given)) for x in traces)]
    return sum(parts[1:], parts[0])


def points(source: str, *, rules: bool = False) -> list[tuple[str, str]]:
    """Kind and text of each point, in order."""
    found = recorder(source).points.all
    return [(str(x.kind), x.text) for x in found if rules or x.kind is not Kind.RULE]


def seen(source: str, *traces: list[Event], **parameters: Any) -> dict[str, Row | None]:
    """By the text of each point how often it came out true and false, and failed if it did; None
    if it was never reached. Points with one text are told apart by their kind."""
    found: dict[str, Row | None] = {}
    for file in coverage(source, *traces, **parameters).files:
        for point, counts in file.points:
            name = point.text if point.text not in found else f"{point.kind} {point.text}"
            row: Row = (counts.true, counts.false)
            if counts.failed:
                row = (*row, counts.failed)
            found[name] = row if counts.reached else None
    return found
