"""A test run as JSON: everything that is known about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from policyc.runtime.testing.outcomes import (
    Different,
    Missing,
    NoError,
    Outcome,
    RuleFailed,
    Unexpected,
    WrongEvent,
)
from policyc.runtime.testing.wording import sentence

if TYPE_CHECKING:
    from policyc.runtime.testing.cases import Events
    from policyc.runtime.testing.outcomes import CaseResult, Failure
    from policyc.runtime.testing.session import FileReport, Report


def render(report: Report) -> str:
    return json.dumps(as_dict(report), indent=2).replace("\x7f", "\\u007f") + "\n"


def as_dict(report: Report) -> dict[str, Any]:
    """A report as JSON data."""
    return {
        "files": [_file(file) for file in report.files],
        "diagnostics": [found.to_dict() for found in report.diagnostics],
        "untested": list(report.untested),
        "problems": [
            {"kind": one.kind, "path": one.path, "line": one.line, "message": one.message}
            for one in report.complaints
        ],
        "summary": {
            **{outcome.value: report.count(outcome) for outcome in Outcome},
            "left_out": report.left_out,
        },
        "ok": report.ok,
    }


def _file(file: FileReport) -> dict[str, Any]:
    return {
        "path": file.path,
        "ok": not file.diagnostics and all(result.ok for result in file.results),
        "cases": [_case(result) for result in file.results],
        "left_out": file.left_out,
    }


def _case(result: CaseResult) -> dict[str, Any]:
    case = result.case
    found: dict[str, Any] = {
        "name": case.name,
        "line": case.line,
        "tags": list(case.tags),
        "outcome": result.outcome.value,
    }
    if case.skip:
        return found | {"reason": case.skip}
    return found | {
        "violations": [violation.to_dict() for violation in result.violations],
        "errors": [error.to_dict() for error in result.errors],
        "failures": [_failure(failure, case.trace) for failure in result.failures],
        "explanations": [explanation.to_dict() for explanation in result.explanations],
    }


def _failure(failure: Failure, trace: Events) -> dict[str, Any]:
    kinds = {
        Missing: "missing",
        Different: "different",
        Unexpected: "unexpected",
        WrongEvent: "event",
        RuleFailed: "failed-rule",
        NoError: "no-error",
    }
    found: dict[str, Any] = {
        "kind": kinds.get(type(failure), "stopped"),
        "message": sentence(failure, trace),
    }
    match failure:
        case Missing(expected) | Different(expected=expected):
            found |= {"expected": expected.to_dict(), "line": expected.line}
        case NoError(expected_error):
            found |= {"expected": expected_error.to_dict(), "line": expected_error.line}
        case WrongEvent(expected_event, event):
            found |= {"expected": expected_event, "found": event}
        case _:
            pass
    match failure:
        case Different(actual=violation) | Unexpected(violation):
            found["found"] = violation.to_dict()
        case RuleFailed(error):
            found["found"] = error.to_dict()
        case _:
            pass
    return found
