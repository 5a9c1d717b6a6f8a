"""Pieces of a text underlined: a source line as a person sees it, and where its marks go.

Whatever comes from a text is shown with its control characters escaped: it cannot move the cursor
of the terminal that shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policyc.grammar.printable import display_width, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.grammar.source import Source, Span

CUT: Final = "..."
_TAB: Final = 4
_MOST_LINES: Final = 4  # of a span that covers several lines


@dataclass(frozen=True, slots=True)
class Mark:
    """Columns of one line to underline, in characters of its source line (from 0), with a few
    words."""

    line: int
    start: int
    end: int
    words: str
    is_primary: bool


def marks_of(source: Source, span: Span, words: str, *, is_primary: bool) -> list[Mark]:
    """What to underline for a span: a piece on each of its lines, or on the first few and the
    last."""
    first, last = source.position(span.start), source.position(span.end)
    if last.line > first.line and last.column == 1:  # ends with a line end
        last = source.position(max(span.start, span.end - 1))
    numbers = list(range(first.line, last.line + 1))
    if len(numbers) > _MOST_LINES:
        numbers = [*numbers[: _MOST_LINES - 1], numbers[-1]]
    marks = []
    for number in numbers:
        text = source.line(number)
        start = first.column - 1 if number == first.line else len(text) - len(text.lstrip())
        end = last.column - 1 if number == last.line else len(text)
        shown = words if number == numbers[-1] else ""
        marks.append(Mark(number, start, max(end, start), shown, is_primary))
    return marks


class Excerpt:
    """A source line as shown: tabs as blanks, control characters escaped, cut around its marks."""

    def __init__(self, line: str, marks: Sequence[Mark], width: int) -> None:
        # The column where each character starts, and one more for the end of the line.
        self._columns = [0]
        pieces = []
        for char in line:
            column = self._columns[-1]
            piece = " " * (_TAB - column % _TAB) if char == "\t" else printable(char)
            pieces.append(piece)
            self._columns.append(column + display_width(piece))
        first, last = 0, len(pieces)
        if self._columns[-1] > width:
            first, last = self._window(marks, width)
        head = CUT if first else ""
        tail = CUT if last < len(pieces) else ""
        self._shift = self._columns[first] - len(head)
        self._end = self._columns[last] - self._shift
        self.text = head + "".join(pieces[first:last]) + tail

    def _window(self, marks: Sequence[Mark], width: int) -> tuple[int, int]:
        """Which characters to show of a line that is too long: some before the first mark, then
        on."""
        columns = self._columns
        room = width - 2 * len(CUT)
        wanted = self._clipped(min(mark.start for mark in marks))
        start_column = max(0, columns[wanted] - room // 3)
        first = next(i for i, column in enumerate(columns) if column >= start_column)
        last = first
        while last + 1 < len(columns) and columns[last + 1] - columns[first] <= room:
            last += 1
        return first, last

    def _clipped(self, index: int) -> int:
        return min(index, len(self._columns) - 1)

    def column(self, index: int) -> int:
        """The column of a character in what is shown."""
        return max(0, self._columns[self._clipped(index)] - self._shift)

    def underline(self, mark: Mark) -> str:
        sign = "^" if mark.is_primary else "-"
        end = min(self.column(mark.end), self._end)
        signs = sign * max(1, end - self.column(mark.start))
        return f"{signs} {printable(mark.words)}" if mark.words else signs
