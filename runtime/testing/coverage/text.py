"""Coverage beside the source, for a terminal.

Takes a `Coverage`, gives lines of styled pieces; the command line draws them in colour, `plain`
gives their text. Whatever comes from a policy is printable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from policyc.grammar.printable import display_width, printable
from policyc.grammar.underlining import Excerpt, Mark, marks_of
from policyc.runtime.testing.coverage.findings import (
    UNREACHED,
    Found,
    State,
    by_line,
    missing,
    seen,
    state_of,
    unfinished,
)
from policyc.runtime.testing.coverage.points import Kind, Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyc.grammar.source import Source
    from policyc.runtime.explanation_tree import LineStyle
    from policyc.runtime.testing.coverage.counts import Counts
    from policyc.runtime.testing.coverage.coverage import Coverage, FileCoverage, Ratio, Summary


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line and how it looks."""

    text: str
    style: LineStyle = "plain"


Line = tuple[Piece, ...]

WIDTH: Final = 120
_LEAST_WIDTH: Final = 40

_STYLES: Final[dict[State, LineStyle]] = {
    State.FULL: "good",
    State.PART: "warning",
    State.NONE: "error",
}
_SIGNS: Final = {State.FULL: "✓", State.PART: "~", State.NONE: "✗"}


def plain(lines: Iterable[Line]) -> str:
    """Lines as text, each with its line end."""
    return "".join(f"{''.join(piece.text for piece in line).rstrip()}\n" for line in lines)


# --- the table ------------------------------------------------------------------------------------


def render_table(coverage: Coverage) -> list[Line]:
    """A line for each file, and one for all of them together."""
    rows = [(printable(x.file.source.name), x.summary) for x in coverage.files]
    rows.append(("all policies" if len(rows) != 1 else "", coverage.summary))
    if len(rows) == 2:
        rows.pop()
    name_width = max([len("policy"), *(display_width(name) for name, _ in rows)])
    cells = [(_cell(summary.rules), _cell(summary.outcomes)) for _, summary in rows]
    rules_width = max([len("rules"), *(len(rules) for rules, _ in cells)])
    outcomes_width = max([len("outcomes"), *(len(outcomes) for _, outcomes in cells)])
    head = f"{'policy':{name_width}}  {'rules':>{rules_width}}  {'outcomes':>{outcomes_width}}"
    lines: list[Line] = [(Piece(head, "strong"),)]
    for (name, summary), (rules, outcomes) in zip(rows, cells, strict=True):
        blanks = " " * (name_width - display_width(name))
        lines.append(
            (
                Piece(f"{name}{blanks}  "),
                Piece(f"{rules:>{rules_width}}", _ratio_style(summary.rules)),
                Piece("  "),
                Piece(f"{outcomes:>{outcomes_width}}", _ratio_style(summary.outcomes)),
            )
        )
    for file in coverage.files:
        lines += [(Piece(sentence, "warning"),) for sentence in unfinished(file)]
    return lines


def _cell(ratio: Ratio) -> str:
    return f"{ratio.seen}/{ratio.total} {ratio.percent:5.1f} %"


def _ratio_style(ratio: Ratio) -> LineStyle:
    if ratio.seen == ratio.total:
        return "good"
    return "warning" if ratio.seen else "error"


# --- beside the source ----------------------------------------------------------------------------


def render_text(coverage: Coverage, *, full: bool = False, width: int | None = None) -> list[Line]:
    """What is missing, under the lines that it is missing on; with `full` all lines.

    The sign before a line says how much of it was seen: ✓ all, ~ a part, ✗ nothing.
    """
    room = max(width or WIDTH, _LEAST_WIDTH)
    lines: list[Line] = []
    for file in coverage.files:
        if lines:
            lines.append(())
        lines += _file(file, room, full=full)
    return lines


def _file(file: FileCoverage, width: int, *, full: bool) -> list[Line]:
    source = file.file.source
    lines: list[Line] = [_head(source, file.summary)]
    lines += [(Piece(sentence, "warning"),) for sentence in unfinished(file)]
    points = by_line(file)
    numbers = list(range(1, _last_line(source) + 1)) if full else _lines_to_show(points)
    gutter = len(str(max(numbers, default=1)))
    before = 0
    for number in numbers:
        if before and number > before + 1:
            lines.append((Piece(f"  {' ' * gutter} ⋮", "quiet"),))
        before = number
        lines += _line(source, number, points.get(number, []), gutter, width)
    return lines


def _head(source: Source, summary: Summary) -> Line:
    rules, outcomes = summary.rules, summary.outcomes
    return (
        Piece(printable(source.name), "strong"),
        Piece("  "),
        Piece(f"{rules.seen} of {rules.total} rules fired", _ratio_style(rules)),
        Piece(", "),
        Piece(
            f"{outcomes.seen} of {outcomes.total} outcomes seen ({outcomes.percent:g} %)",
            _ratio_style(outcomes),
        ),
    )


def _last_line(source: Source) -> int:
    """The last line with something on it."""
    return source.position(len(source.text.rstrip())).line


def _lines_to_show(points: dict[int, list[Found]]) -> list[int]:
    """The lines on which something is missing, each with the head of its rule above it."""
    shown: set[int] = set()
    head, rule = 0, ""
    for number in sorted(points):
        for point, _ in points[number]:
            if point.kind is Kind.RULE:
                head, rule = number, point.owner
        if any(missing(*found) for found in points[number]):
            shown.add(number)
            if any(point.owner == rule for point, _ in points[number]):
                shown.add(head)
    # A line takes no more room than the sign that there is one.
    shown |= {number + 1 for number in shown if number + 2 in shown}
    return sorted(shown)


def _line(
    source: Source, number: int, found: Sequence[Found], gutter: int, width: int
) -> list[Line]:
    """A line of the policy, and below it what is missing on it."""
    rows = _rows(source, found)
    marks = [mark for row, _ in rows for mark in row] or [Mark(number, 0, 0, "", is_primary=False)]
    excerpt = Excerpt(source.line(number), marks, width - gutter - 5)
    sign, style = _sign(found)
    margin = Piece(f"{number:>{gutter}} │ ", "quiet")
    lines: list[Line] = [(Piece(f"{sign} ", style), margin, Piece(excerpt.text))]
    for row, state in rows:
        drawn = ""
        for mark in row:
            drawn = drawn.ljust(excerpt.column(mark.start)) + excerpt.underline(mark)
        before = len(drawn) - len(drawn.lstrip())
        margin = Piece(f"  {' ' * gutter} │ {' ' * before}", "quiet")
        lines.append((margin, Piece(drawn.lstrip(), _STYLES[state])))
    return lines


def _rows(source: Source, found: Sequence[Found]) -> list[tuple[list[Mark], State]]:
    """What to underline below a line: a row for each point with a gap, but one for all that was
    not reached; what is inside of that goes without saying."""
    rows: list[tuple[list[Mark], State]] = []
    unreached: list[Mark] = []
    end = 0
    for point, counts in found:
        state = state_of(point, counts)
        mark = marks_of(source, point.span, "", is_primary=False)[0]
        if point.kind is Kind.RULE:
            rows.append(([replace(mark, words=_verdict(point, counts))], state))
        elif state is State.NONE and not counts.reached:
            if point.span.start >= end:
                unreached.append(mark)
                end = point.span.end
        elif missing(point, counts):
            said = f"{missing(point, counts)} ({seen(point, counts)})"
            rows.append(([replace(mark, words=said)], state))
    if unreached:
        unreached[-1] = replace(unreached[-1], words=UNREACHED)
        rows.append((unreached, State.NONE))
    return rows


def _verdict(point: Point, counts: Counts) -> str:
    gap = missing(point, counts)
    return (
        f"{gap} ({seen(point, counts)})" if gap and counts.reached else gap or seen(point, counts)
    )


def _sign(found: Sequence[Found]) -> tuple[str, LineStyle]:
    if not found:
        return " ", "plain"
    states = {state_of(point, counts) for point, counts in found}
    whole = states.pop() if len(states) == 1 else State.PART
    return _SIGNS[whole], _STYLES[whole]
