"""Values and texts of a trace in a few characters, safe to show: credentials are masked.

Takes any value that a policy can see, gives one line of text. Control characters, invisible ones
and lone surrogates are written as escapes, so that no trace can move the cursor, hide its text or
break the encoding of a report. Long values are cut before they are written out, not after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policyc.grammar.printable import printable
from policyc.runtime.bounds import kind_of
from policyc.runtime.detectors.masking import masked
from policyc.runtime.events import (
    Chunks,
    Function,
    Message,
    Tool,
    ToolCall,
    ToolOutput,
    TraceObject,
)
from policyc.runtime.places import render
from policyc.runtime.trace_access import arguments_of, function_of
from policyc.runtime.values import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.events import Place

WIDTH: Final = 72
"""Characters of a value that are shown."""

ELLIPSIS: Final = "…"

_LEVELS = 4
"""Lists and objects inside one another that are shown."""

_AROUND = 300
"""Characters around what is shown that are looked at."""

_QUOTED = {"\\": "\\\\", '"': '\\"'}


def quoted(text: str, focus: int = 0, width: int = WIDTH) -> str:
    """A text in quotes; of a long one the piece around the character `focus`."""
    start = max(0, min(focus - width // 3, len(text) - width))
    piece = "".join(_QUOTED.get(char, char) for char in safe_piece(text, start, start + width))
    before = ELLIPSIS if start else ""
    after = ELLIPSIS if start + width < len(text) else ""
    return f'"{before}{printable(piece)}{after}"'


def safe_piece(text: str, start: int, end: int) -> str:
    """A piece of a text without its credentials."""
    # A credential is known by what stands around it as well.
    first = max(0, start - _AROUND)
    return masked(text[first : end + _AROUND])[start - first : end - first]


def shown(value: Any, focus: int = 0, width: int = WIDTH) -> str:
    """A value as a policy would write it, an object of the trace by what tells it from others."""
    if isinstance(value, str):
        return quoted(value, focus, width)
    pieces: list[str] = []
    length = 0
    for piece in _pieces(value, width, 0):
        pieces.append(piece)
        length += len(piece)
        if length > width:
            return "".join(pieces)[:width] + ELLIPSIS
    return "".join(pieces)


def _pieces(value: Any, width: int, level: int) -> Iterator[str]:
    if isinstance(value, str):
        yield quoted(value, 0, width)
    elif value is ABSENT:
        yield "absent"
    elif value is None or isinstance(value, bool | float):
        yield str(value)
    elif isinstance(value, int):
        # A very long number cannot be turned into digits.
        yield str(value) if value.bit_length() < 4 * width else "a very long number"
    elif isinstance(value, TraceObject):
        yield from _object(value, width, level)
    elif level >= _LEVELS:
        yield ELLIPSIS
    elif isinstance(value, dict):
        entries = ((f"{shown(key, 0, width)}: ", entry) for key, entry in value.items())
        yield from _bracketed("{", "}", entries, width, level)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from _bracketed("[", "]", (("", item) for item in value), width, level)
    else:
        yield printable(kind_of(value))


def _bracketed(
    opening: str, closing: str, entries: Iterator[tuple[str, Any]], width: int, level: int
) -> Iterator[str]:
    yield opening
    for number, (label, entry) in enumerate(entries):
        yield f", {label}" if number else label
        yield from _pieces(entry, width, level + 1)
    yield closing


def _object(value: TraceObject, width: int, level: int) -> Iterator[str]:
    data = value.data
    match value:
        case ToolCall():
            yield from _call(function_of(data), width, level)
        case Function():
            yield from _call(data, width, level)
        case Message() | ToolOutput():
            yield f"{printable(str(data.get('role')))}: "
            yield from _pieces(data.get("content"), width, level + 1)
            if isinstance(data.get("tool_calls"), list):
                yield f" + {counted(len(data['tool_calls']), 'tool call')}"
        case Chunks():
            yield from _pieces(list(data), width, level)
        case Tool():
            yield f"tool {shown(data.get('name'), 0, width)}"
        case _:
            yield from _pieces(data, width, level)


def _call(function: dict[str, Any], width: int, level: int) -> Iterator[str]:
    name = function.get("name")
    yield printable(name[:width]) if isinstance(name, str) else "?"
    yield "("
    yield from _pieces(arguments_of(function), width, level + 1)
    yield ")"


def place_text(place: Place) -> str:
    """A place as reports show it; keys come from the trace and may hold anything."""
    return printable(render((place, -1, -1)))


def one_line(text: str, width: int = 100) -> str:
    """A piece of a policy in one line: blanks and line ends run together, a long one cut."""
    joined = printable(" ".join(text.split()))
    return joined if len(joined) <= width else joined[:width] + ELLIPSIS


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
