"""Outcomes in sentences, for reports and messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, assert_never

from policyc.runtime.testing.outcomes import (
    Different,
    Missing,
    NoError,
    RuleFailed,
    Stopped,
    Unexpected,
    WrongEvent,
)
from policyc.runtime.trace_ranges import marked_texts

if TYPE_CHECKING:
    from collections.abc import Collection

    from policyc.runtime.results import Violation
    from policyc.runtime.testing.cases import Events
    from policyc.runtime.testing.outcomes import CaseResult, Failure


def shown(value: Any) -> str:
    """A value of a case file in a line: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def parts_of(violation: Violation, trace: Events, asked: Collection[str] = ()) -> dict[str, Any]:
    """The parts of a violation in the form of a case file: those that say something, and those
    that are asked for."""
    parts = {
        "rule": violation.rule.name,
        "message": violation.message,
        "risk": violation.risk or "none",
        "ranges": violation.ranges,
        "marked": marked_texts(trace, violation.ranges),
        "args": violation.args,
        "kwargs": violation.kwargs,
        "key": violation.key,
    }
    if violation.args == [violation.message] and "args" not in asked:
        del parts["args"]
    return {name: value for name, value in parts.items() if value or name in asked}


def sentence(failure: Failure, trace: Events) -> str:
    """A failure in one line."""
    match failure:
        case Missing(expected):
            return f"there is no violation with {_listed(expected.to_dict())}"
        case Different(expected, actual, names):
            said = expected.to_dict()
            found = parts_of(actual, trace, said)
            return "; ".join(
                f"expected {name} {shown(said[name])}, found {shown(found[name])}" for name in names
            )
        case Unexpected(actual):
            place = ", ".join(actual.ranges)
            return f"unexpected violation of rule `{actual.rule.name}` at {place}: {actual}"
        case WrongEvent(expected_event, None):
            return f"event {expected_event} should be the first that blocks, but none does"
        case WrongEvent(expected_event, event):
            return f"event {expected_event} should be the first that blocks, but event {event} is"
        case RuleFailed(error):
            return str(error)
        case NoError(expected_error):
            rule = expected_error.rule
            text = f" with `{expected_error.text}`" if expected_error.text else ""
            which = "a rule" if rule is None else f"rule `{rule.name}`"
            return f"{which} should fail{text}, but does not"
        case Stopped(reason):
            return reason
        case _:
            assert_never(failure)


def _listed(said: dict[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in said.items())


def sentences(result: CaseResult) -> list[str]:
    """All failures of a case, each in one line."""
    trace = result.case.trace
    return [sentence(failure, trace) for failure in result.failures]
