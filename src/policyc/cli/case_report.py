"""What `policyc test` prints for a person: a line for each file, and all about each failed case.

    failed: mail to eve@evil.example
     --> mail.cases.yaml:4

       expected                     found
       rule: mail to an outsider    rule: mail to an outsider
    !  risk: low                    risk: high

Then the trace with the places of the violations, and why each rule in question did or did not fire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.cli.drawing import draw, show_tree
from policyc.cli.excerpts import excerpts
from policyc.cli.report import excerpt_lines, gutter
from policyc.cli.wording import counted
from policyc.grammar.printable import printable
from policyc.runtime.testing.outcomes import Different, Missing, Outcome, Unexpected
from policyc.runtime.testing.wording import parts_of, sentence, shown
from policyc.runtime.trace_ranges import as_counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.cli.terminal import Style, Terminal
    from policyc.runtime.testing.cases import Events
    from policyc.runtime.testing.outcomes import CaseResult
    from policyc.runtime.testing.session import FileReport, Report

MOST_EVENTS = 20
"""Parts of a trace that are shown also where nothing is marked in them."""

_STYLES: dict[Outcome, Style] = {
    Outcome.BROKEN: "error",
    Outcome.FAILED: "error",
    Outcome.PASSED: "good",
    Outcome.SKIPPED: "warning",
}


def show_report(report: Report, terminal: Terminal, *, is_verbose: bool = False) -> None:
    """Print a whole run, but for the diagnostics of files that cannot be used."""
    for file in report.files:
        _show_file(file, terminal, is_verbose=is_verbose)
    for file in report.files:
        for result in file.results:
            if not result.ok:
                terminal.write("")
                show_failure(file.path, result, terminal)
    for complaint in report.complaints:
        place = f"{printable(complaint.path)}:{complaint.line}"
        terminal.write(f"\n{terminal.styled('failed', 'error')}: {printable(complaint.message)}")
        terminal.write(f" {terminal.styled('-->', 'quiet')} {place}")
    if report.complaints or any(not result.ok for result in report.results):
        terminal.write("")
    terminal.write(_summary(report, terminal))


def _summary(report: Report, terminal: Terminal) -> str:
    parts = [
        terminal.styled(f"{report.count(outcome):,} {outcome.value}", style)
        for outcome, style in _STYLES.items()
        if report.count(outcome)
    ]
    if unusable := sum(bool(file.diagnostics) for file in report.files):
        text = counted(unusable, "case file cannot be used", "case files cannot be used")
        parts.insert(0, terminal.styled(text, "error"))
    if report.left_out:
        parts.append(f"{report.left_out:,} not run")
    return ", ".join(parts) or "no cases"


def _show_file(file: FileReport, terminal: Terminal, *, is_verbose: bool) -> None:
    outcomes = [result.outcome for result in file.results]
    counts = [
        terminal.styled(f"{outcomes.count(outcome):,} {outcome.value}", style)
        for outcome, style in _STYLES.items()
        if outcome in outcomes
    ]
    if file.diagnostics:
        counts = [terminal.styled("cannot be used", "error")]
    terminal.write(f"{printable(file.path)}: {', '.join(counts) or 'no case chosen'}")
    for result in file.results:
        case = result.case
        if is_verbose or case.skip:
            outcome = terminal.styled(result.outcome.value, _STYLES[result.outcome])
            reason = f" ({printable(case.skip)})" if case.skip else ""
            terminal.write(f"  {outcome}: {printable(case.name)}{reason}")


def show_failure(path: str, result: CaseResult, terminal: Terminal) -> None:
    """Print all about a case that does not hold."""
    case = result.case
    head = terminal.styled(result.outcome.value, "error")
    terminal.write(f"{head}: {terminal.styled(printable(case.name), 'strong')}")
    terminal.write(f" {terminal.styled('-->', 'quiet')} {printable(path)}:{case.line}")
    compared = [x for x in result.failures if isinstance(x, Missing | Different | Unexpected)]
    if compared:
        terminal.write("")
        show_compared(compared, case.trace, terminal)
    others = [x for x in result.failures if not isinstance(x, Missing | Different | Unexpected)]
    if others:
        terminal.write("")
    for failure in others:
        terminal.write(f"   {printable(sentence(failure, case.trace))}")
    terminal.write("")
    for line in _trace(result, terminal):
        terminal.write(line)
    for explanation in result.explanations:
        terminal.write("")
        show_tree(explanation.tree(), terminal)


# --- expected and found ---------------------------------------------------------------------------


def show_compared(
    failures: Sequence[Missing | Different | Unexpected], trace: Events, terminal: Terminal
) -> None:
    """Print expected and actual violations side by side."""
    from rich.table import Table  # noqa: PLC0415  # slow to load
    from rich.text import Text  # noqa: PLC0415

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    table.add_row("", Text("expected", "bold"), Text("found", "bold"))
    for number, failure in enumerate(failures):
        if number:
            table.add_row()
        for sign, left, right in _rows(failure, trace):
            style = "red" if sign else ""
            table.add_row(sign, Text(printable(left), style), Text(printable(right), style))
    draw(table, terminal)


def _rows(
    failure: Missing | Different | Unexpected, trace: Events
) -> Iterator[tuple[str, str, str]]:
    """A sign where the sides differ, what was expected, what was found."""
    match failure:
        case Missing(expected):
            for number, (name, value) in enumerate(expected.to_dict().items()):
                yield "-", f"{name}: {shown(value)}", "" if number else "nothing"
        case Unexpected(actual):
            for number, (name, value) in enumerate(parts_of(actual, trace).items()):
                yield "+", "" if number else "nothing", f"{name}: {shown(value)}"
        case Different(expected, actual, different):
            said = expected.to_dict()
            found = parts_of(actual, trace, said)
            for name in dict.fromkeys((*said, *found)):
                left = f"{name}: {shown(said[name])}" if name in said else ""
                yield "!" if name in different else "", left, f"{name}: {shown(found[name])}"


# --- the trace ------------------------------------------------------------------------------------


def _trace(result: CaseResult, terminal: Terminal) -> Iterator[str]:
    """The events of the case, with the places of what was found in them."""
    case = result.case
    marks = [place for violation in result.violations for place in violation.ranges]
    found = excerpts(case.trace, dict.fromkeys([*_whole(case.trace), *marks]))
    if len(found) > MOST_EVENTS:
        marked = excerpts(case.trace, dict.fromkeys(marks))
        yield f"(of {counted(len(found), 'part')} of the trace those with marks)"
        found = marked
    found.sort(key=lambda one: one.index)
    margin = max((len(str(one.index)) for one in found), default=1)
    names = {index: label for label, index in case.labels.items()}
    boundary = len(as_counted(case.past or ()))
    is_past = boundary > 0
    for excerpt in found:
        if is_past and excerpt.index >= boundary:
            is_past = False
            yield gutter(margin, terminal, terminal.styled("pending:", "quiet"))
        if excerpt.index in names:
            excerpt.title += f" ({names[excerpt.index]})"
        yield from excerpt_lines(excerpt, margin, terminal)


def _whole(trace: Events) -> Iterator[str]:
    """A range for each object of a trace."""
    for index, event in enumerate(as_counted(trace)):
        calls = event.get("tool_calls") or ()
        if not calls or event.get("content"):
            yield str(index)
        yield from (f"{index}.tool_calls.{number}" for number in range(len(calls)))
