"""What `policyc test` prints for a person: a line for each file, and all about each failed case.

failed: mail to eve@evil.example
 --> mail.cases.yaml:4

  expected                     found
  rule: mail to an outsider    rule: mail to an outsider
! risk: low                    risk: high

then the trace with the places of the violations, and why each rule in question did or did not
fire.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from policyc.cli.excerpts import excerpts
from policyc.cli.report import excerpt_lines, gutter
from policyc.cli.trees import show_tree
from policyc.cli.wording import counted
from policyc.grammar.printable import printable
from policyc.runtime.testing.outcomes import (
    Different,
    Missing,
    NoError,
    Outcome,
    RuleFailed,
    Stopped,
    Unexpected,
    WrongEvent,
)
from policyc.runtime.trace_ranges import as_counted, marked_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.cli.terminal import Style, Terminal
    from policyc.runtime.results import Violation
    from policyc.runtime.testing.cases import Case, Events, ExpectedViolation
    from policyc.runtime.testing.outcomes import CaseResult, Failure
    from policyc.runtime.testing.session import FileReport, Report

MOST_EVENTS = 20
"""Events of a trace that are shown if nothing in them is marked."""


def show_report(report: Report, terminal: Terminal, *, is_verbose: bool = False) -> None:
    """Print a whole run."""
    for file in report.files:
        _show_file(file, terminal, is_verbose=is_verbose)
    for file in report.files:
        for result in file.results:
            if not result.ok:
                terminal.write("")
                show_failure(file.path, result, terminal)
    if any(not result.ok for result in report.results):
        terminal.write("")
    terminal.write(summary(report, terminal))


def summary(report: Report, terminal: Terminal) -> str:
    """The numbers of a run in a line."""
    parts = []
    styles: list[tuple[Outcome, Style]] = [
        (Outcome.BROKEN, "error"),
        (Outcome.FAILED, "error"),
        (Outcome.PASSED, "good"),
        (Outcome.SKIPPED, "warning"),
    ]
    for outcome, style in styles:
        if count := report.count(outcome):
            parts.append(terminal.styled(f"{count:,} {outcome.value}", style))
    unusable = sum(bool(file.diagnostics) for file in report.files)
    if unusable:
        text = counted(unusable, "case file") + " with errors"
        parts.append(terminal.styled(text, "error"))
    left_out = sum(file.left_out for file in report.files)
    if left_out:
        parts.append(f"{left_out:,} left out")
    return ", ".join(parts) or "no cases"


def _show_file(file: FileReport, terminal: Terminal, *, is_verbose: bool) -> None:
    name = printable(file.path)
    if file.diagnostics:
        terminal.write(f"{name}: {terminal.styled('errors', 'error')}")
        return
    outcomes = [result.outcome for result in file.results]
    counts = [
        f"{outcomes.count(outcome):,} {outcome.value}" for outcome in Outcome if outcome in outcomes
    ]
    style: Style = "good" if all(result.ok for result in file.results) else "error"
    said = ", ".join(counts) or "no case chosen"
    terminal.write(f"{name}: {terminal.styled(said, style if outcomes else 'quiet')}")
    if is_verbose:
        for result in file.results:
            terminal.write(f"  {_line(result, terminal)}")


def _line(result: CaseResult, terminal: Terminal) -> str:
    styles: dict[Outcome, Style] = {Outcome.PASSED: "good", Outcome.SKIPPED: "warning"}
    outcome = terminal.styled(result.outcome.value, styles.get(result.outcome, "error"))
    text = f"{outcome}: {printable(result.case.name)}"
    return f"{text} ({printable(result.case.skip)})" if result.case.skip else text


def show_failure(path: str, result: CaseResult, terminal: Terminal) -> None:
    """Print all about a case that does not hold."""
    case = result.case
    head = terminal.styled(result.outcome.value, "error")
    terminal.write(f"{head}: {terminal.styled(printable(case.name), 'strong')}")
    terminal.write(f" {terminal.styled('-->', 'quiet')} {printable(path)}:{case.line}")
    compared = [x for x in result.failures if isinstance(x, Missing | Different | Unexpected)]
    if compared:
        terminal.write("")
        _show_compared(compared, case, terminal)
    others = [text for failure in result.failures for text in _sentences(failure)]
    if others:
        terminal.write("")
    for text in others:
        terminal.write(f"  {printable(text)}")
    terminal.write("")
    for line in _trace(result, terminal):
        terminal.write(line)
    for explanation in result.explanations:
        terminal.write("")
        show_tree(explanation.tree(), terminal)


# --- expected and found ---------------------------------------------------------------------------


def _show_compared(failures: list[Failure], case: Case, terminal: Terminal) -> None:
    from rich.console import Console  # noqa: PLC0415  # slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    table.add_row("", Text("expected", "bold"), Text("found", "bold"))
    for number, failure in enumerate(failures):
        if number:
            table.add_row()
        for sign, left, right in _rows(failure, case.trace):
            style = "red" if sign else ""
            table.add_row(sign, Text(printable(left), style), Text(printable(right), style))
    console = Console(
        file=terminal.stream,
        width=terminal.width,
        color_system="standard" if terminal.color else None,
        force_terminal=terminal.color,
        legacy_windows=False,
    )
    console.print(table)


def _rows(failure: Failure, trace: Events) -> Iterator[tuple[str, str, str]]:
    """A sign where the sides differ, what was expected, what was found."""
    match failure:
        case Missing(expected):
            for number, (name, value) in enumerate(expected.to_dict().items()):
                yield "-", f"{name}: {_shown(value)}", "" if number else "no such violation"
        case Unexpected(actual):
            for number, (name, value) in enumerate(_parts(actual, trace).items()):
                yield "+", "" if number else "no such violation", f"{name}: {_shown(value)}"
        case Different(expected, actual, different):
            yield from _both(expected, actual, different, trace)
        case _:
            return


def _both(
    expected: ExpectedViolation, actual: Violation, different: tuple[str, ...], trace: Events
) -> Iterator[tuple[str, str, str]]:
    said, found = expected.to_dict(), _parts(actual, trace)
    for name in dict.fromkeys((*said, *found)):
        left = f"{name}: {_shown(said[name])}" if name in said else ""
        right = f"{name}: {_shown(found[name])}" if name in found else f"{name}: none"
        if name in said or name in ("message", "rule"):
            yield "!" if name in different else "", left, right


def _parts(violation: Violation, trace: Events) -> dict[str, Any]:
    """The parts of a violation in the form of a case file."""
    marked = marked_texts(trace, violation.ranges)
    parts = {
        "rule": violation.rule.name,
        "message": violation.message or None,
        "risk": violation.risk or "none",
        "ranges": violation.ranges,
        "marked": marked or None,
        "args": violation.args[1:] and violation.args or None,
        "kwargs": violation.kwargs or None,
        "key": violation.key,
    }
    return {name: value for name, value in parts.items() if value is not None}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sentences(failure: Failure) -> Iterator[str]:
    """What is said about a failure that is not about a violation."""
    match failure:
        case WrongEvent(expected, None):
            yield f"event {expected} should be the first that blocks, but none does"
        case WrongEvent(expected, actual):
            yield f"event {expected} should be the first that blocks, but event {actual} is"
        case RuleFailed(error):
            yield str(error)
        case NoError(expected):
            rule = f"rule `{expected.rule.name}`" if expected.rule else "a rule"
            text = f" with `{expected.text}`" if expected.text else ""
            yield f"{rule} should fail{text}, but does not"
        case Stopped(reason):
            yield reason
        case _:
            return


# --- the trace ------------------------------------------------------------------------------------


def _trace(result: CaseResult, terminal: Terminal) -> Iterator[str]:
    """The events of the case, with the places of what was found in them."""
    trace = result.case.trace
    counted_events = as_counted(trace)
    marks = [place for violation in result.violations for place in violation.ranges]
    shown: list[str] = []
    for index, event in enumerate(counted_events):
        calls = event.get("tool_calls") or []
        if not calls or event.get("content"):
            shown.append(str(index))
        shown += [f"{index}.tool_calls.{number}" for number in range(len(calls))]
    found = excerpts(trace, [*shown, *dict.fromkeys(marks)])
    if len(found) > MOST_EVENTS:
        found = excerpts(trace, dict.fromkeys(marks))
    found.sort(key=lambda one: one.index)
    margin = max((len(str(one.index)) for one in found), default=1)
    names = {index: label for label, index in result.case.labels.items()}
    past = len(as_counted(result.case.past)) if result.case.past else 0
    for excerpt in found:
        if excerpt.index in names:
            excerpt.title += f" ({names[excerpt.index]})"
        if excerpt.index >= past and past:
            yield gutter(margin, terminal, terminal.styled("pending", "quiet"))
            past = 0
        yield from excerpt_lines(excerpt, margin, terminal)
