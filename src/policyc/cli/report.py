"""The verdict on a trace for a person: each violation with its rule and its places in the trace.

    violation[high]: a tool call contains a credential
     --> policies/secrets.inv:14
      |
    8 | call of `send_mail`
      |     body: your key is AKIA****************
      |                       ^^^^^^^^^^^^^^^^^^^^
      = kinds: ["AWS_ACCESS_KEY"]

The numbers at the side are those of the events, from 0, as in the ranges of the JSON form.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from policyc.cli.excerpts import excerpts
from policyc.cli.marking import ELLIPSIS, first_line, rows, windows
from policyc.cli.wording import counted
from policyc.grammar.printable import display_width, printable
from policyc.runtime.detectors.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.cli.excerpts import Events, Excerpt, Piece
    from policyc.cli.terminal import Terminal
    from policyc.runtime.results import AnalysisResult, RuleError, Violation

MOST_VIOLATIONS = 100
"""Violations of a trace that are shown. The JSON form has all, so does the count in the heading."""

MOST_OBJECTS = 8
MOST_ROWS = 6


def report(name: str, events: Events, result: AnalysisResult, terminal: Terminal) -> Iterator[str]:
    """The lines of the report on one trace."""
    yield f"{terminal.styled(printable(name), 'strong')}: {_verdict(result)}"
    violations = result.violations
    for violation in violations[:MOST_VIOLATIONS]:
        yield ""
        yield from violation_lines(violation, events, terminal)
    if len(violations) > MOST_VIOLATIONS:
        rest = counted(len(violations) - MOST_VIOLATIONS, "more violation")
        yield f"\n... and {rest}; `--format json` shows them all"
    for error in result.errors:
        yield ""
        yield from error_lines(error, terminal)


def _verdict(result: AnalysisResult) -> str:
    found = []
    if len(result):
        found.append(counted(len(result), "violation"))
    if result.errors:
        found.append(f"{counted(len(result.errors), 'rule')} failed")
    return ", ".join(found) or "no violations"


def violation_lines(violation: Violation, events: Events, terminal: Terminal) -> Iterator[str]:
    """The lines on one violation."""
    head = terminal.styled(
        f"violation[{violation.risk}]" if violation.risk else "violation", "error"
    )
    message = violation.message or str(violation)
    if violation.risk:
        message = re.sub(r"\s*\[risk=\w+\]", "", message, flags=re.IGNORECASE)
    yield f"{head}: {terminal.styled(printable(masked(message)), 'strong')}"
    found = excerpts(events, violation.ranges, violation.secrets)
    margin = max((len(str(one.index)) for one in found), default=1)
    yield _arrow(margin, f"{violation.rule.path or '<policy>'}:{violation.rule.line}", terminal)
    if found:
        yield gutter(margin, terminal)
    for excerpt in found[:MOST_OBJECTS]:
        yield from excerpt_lines(excerpt, margin, terminal)
    if len(found) > MOST_OBJECTS:
        rest = counted(len(found) - MOST_OBJECTS, "more place")
        yield gutter(margin, terminal, f"... and {rest}")
    yield from _values(violation, margin, terminal)


def _values(violation: Violation, margin: int, terminal: Terminal) -> Iterator[str]:
    """What the rule raised besides its message."""
    rest = violation.args[1:] if violation.message else violation.args
    named = [("with", value) for value in rest] + list(violation.kwargs.items())
    for name, value in named:
        room = terminal.width - margin - 5 - display_width(name)
        shown = _cut(_value(value), room)
        yield f"{' ' * margin} {terminal.styled('=', 'quiet')} {name}: {shown}"


def error_lines(error: RuleError, terminal: Terminal) -> Iterator[str]:
    """The lines on a rule that failed."""
    head = terminal.styled("error", "error")
    yield f"{head}: {terminal.styled(printable(error.message), 'strong')}"
    yield _arrow(1, f"{error.rule.path or '<policy>'}:{error.line}:{error.column}", terminal)
    for name, value in error.bindings.items():
        shown = _cut(_value(value), terminal.width - 12)
        yield f"  {terminal.styled('=', 'quiet')} {name}: {shown}"
    name = printable(error.rule.name)
    yield f"  {terminal.styled('=', 'quiet')} the rule `{name}` could not be evaluated"


def _arrow(margin: int, place: str, terminal: Terminal) -> str:
    return f"{' ' * margin}{terminal.styled('-->', 'quiet')} {printable(place)}"


def gutter(margin: int, terminal: Terminal, text: str = "", number: str = "") -> str:
    """A line beside the bar at the side."""
    side = terminal.styled(f"{number:>{margin}} |", "quiet")
    return f"{side} {text}" if text else side


def excerpt_lines(excerpt: Excerpt, margin: int, terminal: Terminal) -> Iterator[str]:
    """An object of the trace and its marked lines, its index at the side."""
    yield gutter(margin, terminal, printable(excerpt.title), str(excerpt.index))
    for piece in excerpt.pieces:
        if not piece.text and not piece.spans:
            continue
        for row in _piece(piece, terminal.width - margin - 3, terminal):
            yield gutter(margin, terminal, row)


def _piece(piece: Piece, width: int, terminal: Terminal) -> Iterator[str]:
    """The rows of a text: its marked lines, or its first where nothing is marked."""
    lead = f"    {printable(piece.label)}: " if piece.label else "    "
    if display_width(lead) > width // 2:
        yield lead.rstrip()
        lead = " " * 8
    room = max(width - display_width(lead), 16)
    shown = (
        windows(piece.text, piece.spans, room) if piece.spans else [first_line(piece.text, room)]
    )
    for number, window in enumerate(shown):
        if number == MOST_ROWS:
            yield f"{lead}... and more"
            return
        row, carets = rows(piece.text, window, terminal)
        yield f"{lead}{row}"
        lead = " " * display_width(lead)
        if carets is not None:
            yield f"{lead}{carets}"


def _value(value: Any) -> str:
    """A value as JSON, safe to show; it may be a text of the trace."""
    return printable(masked(json.dumps(value, ensure_ascii=False)))


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(room - len(ELLIPSIS), 8)]}{ELLIPSIS}"
