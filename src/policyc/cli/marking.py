"""A text with marked characters as rows of a given width.

Only lines with a mark are shown. A long line becomes windows around its marks. Marked characters
are highlighted where there is colour; else a second row has carets below them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from policyc.grammar.printable import display_width, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.cli.terminal import Terminal

Span = tuple[int, int]

ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a line: the offsets `start` and `end` in the text, and the marks in it."""

    start: int
    end: int
    marks: tuple[Span, ...]
    is_cut_before: bool
    is_cut_after: bool


def windows(text: str, spans: Sequence[Span], room: int) -> Iterator[Window]:
    """The parts of a text that show the spans, each at most `room` columns wide."""
    for (start, end), marks in _lines(text, spans):
        if _fits(text[start:end], room):
            yield Window(start, end, tuple(marks), is_cut_before=False, is_cut_after=False)
        else:
            yield from _windows_of_line(text, start, end, marks, room)


def first_line(text: str, room: int) -> Window:
    """The start of a text, with no marks."""
    end = text.find("\n")
    is_more = end >= 0
    line_end = end if is_more else len(text)
    stop = (
        line_end
        if _fits(text[:line_end], room)
        else _reach(text, 0, line_end, room - len(ELLIPSIS))
    )
    return Window(0, stop, (), is_cut_before=False, is_cut_after=is_more or stop < line_end)


def rows(text: str, window: Window, terminal: Terminal) -> tuple[str, str | None]:
    """The row of a window, and the row of carets below it where there is no colour."""
    line = ELLIPSIS * window.is_cut_before
    carets = " " * len(line)
    characters = range(window.start, window.end)
    for is_marked, group in groupby(characters, lambda at: _is_marked(at, window.marks)):
        part = "".join(_shown(text[at]) for at in group)
        line += terminal.styled(part, "mark") if is_marked else part
        carets += ("^" if is_marked else " ") * display_width(part)
    line += ELLIPSIS * window.is_cut_after
    if not window.marks or terminal.color:
        return line, None
    if any(start == window.end for start, _ in window.marks):
        carets += "^"  # the end of the line
    return line, carets.rstrip()


def _is_marked(at: int, marks: Sequence[Span]) -> bool:
    # An empty mark is a place between two characters; it is shown on the second.
    return any(start <= at < max(end, start + 1) for start, end in marks)


def _shown(char: str) -> str:
    return "    " if char == "\t" else printable(char)


def _lines(text: str, spans: Sequence[Span]) -> Iterator[tuple[Span, list[Span]]]:
    """The lines that spans touch (offsets, without line end), and the parts of spans in each."""
    current: Span | None = None
    marks: list[Span] = []
    for first, last in sorted(spans):
        at = first
        while True:
            if current is None or at > current[1]:
                if current is not None:
                    yield current, marks
                end = text.find("\n", at)
                current = (text.rfind("\n", 0, at) + 1, end if end >= 0 else len(text))
                marks = []
            marks.append((at, min(last, current[1])))
            if last <= current[1] + 1:
                break
            at = current[1] + 1
    if current is not None:
        yield current, marks


def _fits(line: str, room: int) -> bool:
    return len(line) <= room and sum(display_width(_shown(char)) for char in line) <= room


def _windows_of_line(
    text: str, start: int, end: int, marks: list[Span], room: int
) -> Iterator[Window]:
    rest = sorted(marks)
    earliest = start
    while rest:
        first = rest[0][0]
        begin = _back(text, first, earliest, room // 4)
        stop = _reach(text, begin, end, room - 2 * len(ELLIPSIS))
        if stop <= first < end:  # an escape that is too wide to stand behind other characters
            begin = first
            stop = _reach(text, begin, end, room - 2 * len(ELLIPSIS))
        shown = tuple((a, min(b, stop)) for a, b in rest if a < stop or a == stop == end)
        yield Window(begin, stop, shown, is_cut_before=begin > start, is_cut_after=stop < end)
        rest = rest[len(shown) :]
        earliest = stop


def _reach(text: str, begin: int, end: int, room: int) -> int:
    """How far a text goes in so many columns; at least one character."""
    at = begin
    used = 0
    while at < end:
        used += display_width(_shown(text[at]))
        if used > room and at > begin:
            break
        at += 1
    return at


def _back(text: str, at: int, least: int, room: int) -> int:
    """Where to begin so that so many columns stand before a character."""
    used = 0
    while at > least:
        used += display_width(_shown(text[at - 1]))
        if used > room:
            break
        at -= 1
    return at
