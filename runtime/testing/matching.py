"""Which of the violations are those that a case expects.

Expectations may fit several violations, so that taking the first one that fits could leave another
without any: a largest matching is looked for (augmenting paths).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler.risk import RISK_TAG, without_tags
from policyc.runtime.trace_ranges import marked_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyc.compiler.plan import RuleRef
    from policyc.runtime.results import Violation
    from policyc.runtime.testing.cases import Events, ExpectedViolation


def differences(expected: ExpectedViolation, actual: Violation, trace: Events) -> tuple[str, ...]:
    """The parts of a violation that are not as expected; empty if it fits."""
    said = expected.to_dict()
    return tuple(name for name in said if not _PARTS[name](expected, actual, trace))


def _message(expected: ExpectedViolation, actual: Violation, _trace: Events) -> bool:
    if expected.message == actual.message:
        return True
    return without_tags(expected.message or "") == without_tags(actual.message) and (
        RISK_TAG.search(expected.message or "") is None
    )


def _args(expected: ExpectedViolation, actual: Violation, _trace: Events) -> bool:
    return same(expected.args, actual.args)


def _kwargs(expected: ExpectedViolation, actual: Violation, _trace: Events) -> bool:
    return all(
        name in actual.kwargs and same(value, actual.kwargs[name])
        for name, value in (expected.kwargs or {}).items()
    )


_PARTS: Final[dict[str, Callable[[Any, Violation, Events], bool]]] = {
    "message": _message,
    "rule": lambda expected, actual, _: same_rule(expected.rule, actual.rule),
    "risk": lambda expected, actual, _: expected.risk == (actual.risk or "none"),
    "ranges": lambda expected, actual, _: sorted(expected.ranges) == sorted(actual.ranges),
    "marked": lambda expected, actual, trace: (
        sorted(expected.marked) == sorted(marked_texts(trace, actual.ranges))
    ),
    "args": _args,
    "kwargs": _kwargs,
    "key": lambda expected, actual, _: (
        re.sub(r"\s", "", expected.key) == re.sub(r"\s", "", actual.key)
    ),
}


def same_rule(left: RuleRef, right: RuleRef) -> bool:
    """Whether two rules are the same, also in an edited copy of the policy where lines differ."""
    return (left.name, left.path) == (right.name, right.path)


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def largest_matching(fits: Sequence[Sequence[bool]], columns: int) -> list[int | None]:
    """A largest matching: for each row the column that belongs to it, or None."""
    row_of: list[int | None] = [None] * columns
    for row in range(len(fits)):
        _augment(row, fits, row_of)
    column_of: list[int | None] = [None] * len(fits)
    for column, owner in enumerate(row_of):
        if owner is not None:
            column_of[owner] = column
    return column_of


def _augment(start: int, fits: Sequence[Sequence[bool]], row_of: list[int | None]) -> None:
    """Find a column for a row, moving others to columns that fit them as well."""
    came_from: dict[int, int] = {}  # each column that was looked at, and from which row
    taken_by: dict[int, int] = {}  # the column that a row has so far
    rows = [start]
    for row in rows:
        for column, is_fit in enumerate(fits[row]):
            if not is_fit or column in came_from:
                continue
            came_from[column] = row
            owner = row_of[column]
            if owner is not None:
                taken_by[owner] = column
                rows.append(owner)
                continue
            free: int | None = column
            while free is not None:
                mover = came_from[free]
                row_of[free] = mover
                free = taken_by.get(mover)
            return
