"""Judging many traces one after the other, and what there is to print about each.

A trace that cannot be read is told and counted, and the others are judged: it must neither stop a
run over thousands of traces nor pass as clean.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policyc.cli.exits import Refusal
from policyc.cli.inputs import STDIN_NAME, parts_of
from policyc.cli.terminal import json_text
from policyc.runtime.traces import TraceError, problem_of, traces_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.api import Policy
    from policyc.cli.excerpts import Events
    from policyc.cli.terminal import Terminal
    from policyc.runtime.results import AnalysisResult


@dataclass(slots=True)
class Tally:
    """What was seen so far. `is_many`: whether the verdicts need the names of their traces."""

    is_many: bool = False
    traces: int = 0
    blocked: int = 0
    violations: int = 0
    failures: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one trace, or the error where it could not be read."""

    name: str
    events: Events
    result: AnalysisResult | TraceError

    @property
    def problem(self) -> str:
        """Why the trace could not be read; empty where it could."""
        return problem_of(self.name, self.result) if isinstance(self.result, TraceError) else ""


def judge_all(
    policy: Policy,
    parameters: dict[str, Any],
    arguments: Sequence[str],
    input_format: str,
    tally: Tally,
) -> Iterator[Verdict]:
    """Judge the traces that the arguments mean, and count them.

    Raises:
        Refusal: an argument has no traces.
    """
    tally.is_many = len(arguments) > 1 or os.path.isdir(arguments[0])
    for argument in arguments:
        is_empty = True
        for name, trace in _traces(argument, input_format):
            is_empty = False
            tally.is_many |= name not in (argument, STDIN_NAME)
            verdict = _judge(policy, parameters, name, trace)
            _count(verdict, tally)
            yield verdict
        if is_empty:
            raise Refusal(f"there are no traces in `{argument}`")


def _traces(argument: str, input_format: str) -> Iterator[tuple[str, Events | TraceError]]:
    """The traces of an argument with their names, and the errors of those that cannot be read."""
    for part in parts_of(argument):
        yield from traces_of(part, input_format)


def _judge(
    policy: Policy, parameters: dict[str, Any], name: str, trace: Events | TraceError
) -> Verdict:
    if isinstance(trace, TraceError):
        return Verdict(name, [], trace)
    try:
        return Verdict(name, trace, policy.analyze(trace, **parameters))
    except TraceError as error:
        return Verdict(name, trace, error)


def _count(verdict: Verdict, tally: Tally) -> None:
    result = verdict.result
    if isinstance(result, TraceError):
        tally.unreadable += 1
        return
    tally.traces += 1
    tally.blocked += result.blocked
    tally.violations += len(result)
    tally.failures += len(result.errors)


def as_json(verdict: Verdict, tally: Tally) -> str:
    """The verdict as JSON: an object, or a line of it with the trace's name for several."""
    result = verdict.result
    if isinstance(result, TraceError):
        error = {"rule": None, "message": verdict.problem, "line": None, "column": None}
        shown: dict[str, Any] = {"violations": [], "errors": [error], "blocked": True}
    else:
        shown = result.to_dict()
    if tally.is_many:
        return json_text({"trace": verdict.name} | shown, indent=None)
    return json_text(shown)


def as_text(verdict: Verdict, tally: Tally, terminal: Terminal) -> str:
    """The report on a trace; of many traces there is one only on those that are blocked."""
    result = verdict.result
    if isinstance(result, TraceError) or (tally.is_many and not result.blocked):
        return ""
    from policyc.cli.report import report  # noqa: PLC0415  # only where there is something to say

    lines = list(report(verdict.name, verdict.events, result, terminal))
    return "\n".join([*lines, ""] if tally.is_many else lines)
