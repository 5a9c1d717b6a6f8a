"""Text and places in it.

A `Source` is a named text; a `Span` is a half-open range of offsets into `Source.text`; a
`Position` is what a person sees: line and column, both counted from 1 in the text as given. Nothing
here knows what the text means.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets `start` (inclusive) and `end` (exclusive) into the text of a source."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.start, other.end)


NO_SPAN = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Position:
    """A place as people count it: `line` and `column` start at 1."""

    line: int
    column: int


class Source:
    """A named text. `path` is what messages call it; None stands for a text without a file.

    A leading byte order mark is dropped: it counts as no column.
    """

    def __init__(self, text: str, path: str | None = None) -> None:
        self.text = text.removeprefix("\ufeff")
        self.path = path

    @property
    def name(self) -> str:
        return self.path or "<policy>"

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset at which each line starts; only a newline ends a line."""
        starts = [0]
        starts.extend(index + 1 for index, char in enumerate(self.text) if char == "\n")
        return starts

    def position(self, offset: int) -> Position:
        """The line and column of an offset; offsets past the end count as the end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self.line_starts, offset)
        return Position(line, offset - self.line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its line end; empty past the last line."""
        if not 1 <= number <= len(self.line_starts):
            return ""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] - 1 if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def slice(self, span: Span) -> str:
        return self.text[span.start : span.end]
