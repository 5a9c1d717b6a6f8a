"""Judging many traces one after the other, each verdict shown as soon as it is known.

A trace that cannot be read is told and counted, and the others are judged: it must neither stop a
run over thousands of traces nor pass as clean.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click

from policyc.cli import exits
from policyc.cli.inputs import STDIN
from policyc.cli.progress import Progress
from policyc.cli.terminal import Terminal, json_text
from policyc.runtime.traces import TraceError, read_corpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.api import Policy
    from policyc.cli.excerpts import Events
    from policyc.runtime.results import AnalysisResult

_STDIN_NAME = "<stdin>"


@dataclass(slots=True)
class Tally:
    """What was seen so far. `is_many`: whether the verdicts need the names of their traces."""

    is_many: bool
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


class Show(Protocol):
    """How a verdict is printed."""

    def __call__(self, verdict: Verdict, tally: Tally) -> None: ...


def judge_all(
    policy: Policy,
    parameters: dict[str, Any],
    arguments: Sequence[str],
    input_format: str,
    show: Show,
) -> Tally:
    """Judge the traces that the arguments mean.

    Raises:
        Refusal: an argument has no traces.
    """
    tally = Tally(is_many=len(arguments) > 1 or os.path.isdir(arguments[0]))
    with Progress(arguments) as progress:
        for argument in arguments:
            is_empty = True
            for name, trace in _traces(argument, input_format):
                is_empty = False
                tally.is_many |= name not in (argument, _STDIN_NAME)
                verdict = _judge(policy, parameters, name, trace)
                _count(verdict, tally)
                progress.clear()
                show(verdict, tally)
                progress.step()
            if is_empty:
                raise exits.Refusal(f"there are no traces in `{argument}`")
    return tally


def _traces(argument: str, input_format: str) -> Iterator[tuple[str, Events | TraceError]]:
    """The traces of an argument with their names, and the errors of those that cannot be read."""
    source = sys.stdin.buffer if argument == STDIN else argument
    failed: list[tuple[str, TraceError]] = []
    corpus = read_corpus(source, input_format, on_error=lambda *found: failed.append(found))
    for name, events in corpus:
        yield from ((_named(argument, x), error) for x, error in failed)
        failed.clear()
        yield _named(argument, name), events
    yield from ((_named(argument, x), error) for x, error in failed)


def _named(argument: str, name: str) -> str:
    """Standard input has the same name whatever the stream says."""
    if argument != STDIN:
        return name
    return _STDIN_NAME + name.removeprefix(_STDIN_NAME)


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


def show_json(verdict: Verdict, tally: Tally) -> None:
    """Print the verdict as JSON: an object, or a line with the name where there are several."""
    result = verdict.result
    if isinstance(result, TraceError):
        _say_unreadable(verdict.name, result)
        error = {
            "rule": None,
            "message": _reason(verdict.name, result),
            "line": None,
            "column": None,
        }
        shown: dict[str, Any] = {"violations": [], "errors": [error], "blocked": True}
    else:
        shown = result.to_dict()
    if tally.is_many:
        click.echo(json_text({"trace": verdict.name} | shown, indent=None))
    else:
        click.echo(json_text(shown))


def show_text(terminal: Terminal, verdict: Verdict, tally: Tally) -> None:
    """Print the report on a trace; of many traces only those that are blocked."""
    result = verdict.result
    if isinstance(result, TraceError):
        _say_unreadable(verdict.name, result)
    elif result.blocked or not tally.is_many:
        from policyc.cli.report import report  # noqa: PLC0415  # only where there is something to say

        if tally.is_many and tally.blocked > 1:
            terminal.write("")
        for line in report(verdict.name, verdict.events, result, terminal):
            terminal.write(line)


def _say_unreadable(name: str, error: TraceError) -> None:
    exits.say_error(f"`{name}` is no trace: {_reason(name, error)}")


def _reason(name: str, error: TraceError) -> str:
    message = error.message.removeprefix(f"{name}: ")
    return message if error.path == "$" else f"{message}, at `{error.path}`"
