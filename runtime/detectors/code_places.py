"""Where the nodes of a syntax tree stand in the text that the code came from.

What is parsed may differ from that text: it was indented as a whole, or lines of a notebook were
replaced. The places of a line that was replaced are the whole line; where the lines do not
correspond at all, it is the whole text.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

Span = tuple[int, int]
"""Start and end of a piece of a text, in characters, end exclusive."""

_LINE_END = re.compile(r"\r\n|\r|\n")


class CodePlaces:
    """Translates the places of nodes, in lines and bytes, to those of a text, in characters."""

    def __init__(self, text: str, parsed: str) -> None:
        self._length = len(text)
        self._lines = _LINE_END.split(text)
        self._parsed = _LINE_END.split(parsed)
        ends = [match.end() for match in _LINE_END.finditer(text)]
        self._starts = [0, *ends]
        self._columns: dict[int, list[int]] = {}

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """The piece of the text that a node was made from."""
        if len(self._lines) != len(self._parsed):
            return 0, self._length
        last = node.end_lineno or node.lineno
        start = self._place(node.lineno - 1, node.col_offset, is_end=False)
        end = self._place(last - 1, node.end_col_offset or 0, is_end=True)
        return start, max(start, end)

    def _place(self, number: int, column: int, *, is_end: bool) -> int:
        line, parsed = self._lines[number], self._parsed[number]
        if line.endswith(parsed):
            at = len(line) - len(parsed) + self._characters(number, column)
        elif is_end:
            at = len(line.rstrip())
        else:
            at = len(line) - len(line.lstrip())
        return self._starts[number] + at

    def _characters(self, number: int, column: int) -> int:
        """A place in a line in characters, from one in bytes."""
        line = self._parsed[number]
        if line.isascii():
            return column
        if number not in self._columns:
            sizes = (len(char.encode("utf-8", "surrogatepass")) for char in line)
            starts = list(accumulate(sizes, initial=0))
            by_byte = [0] * (starts[-1] + 1)
            for at, byte in enumerate(starts):
                by_byte[byte] = at
            self._columns[number] = by_byte
        return self._columns[number][column]
