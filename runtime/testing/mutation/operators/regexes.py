"""Regular expressions as what their text consists of, each piece with its place.

Takes a pattern that `policyc.compiler.patterns` accepts. Its meaning is that library's business;
here it is only cut into pieces, so that a change of one leaves the spelling of the others alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "dot", "escaped", "set", "anchor", "look", "group", "flags"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of a sequence, with its repetition.

    Offsets in the pattern: the item is at `start:end`, its repetition at `end:stop` (none where
    they are equal). `text`: a character that stands for itself, `escaped`: one with a backslash
    that does; `set`: one character of several (`[a-z]`, `\\d`), `anchor`: a place (`^`, `\\b`),
    `look`: what must stand before or behind. `options` are those of a group, or of what a look
    holds, `flags` that of `(?i)`.
    """

    kind: Kind
    start: int
    end: int
    stop: int
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """A side of `|`, or all there is: the pieces at `start:end`."""

    start: int
    end: int
    pieces: tuple[Piece, ...]


_FLAGS = re.compile(r"\(\?[a-zA-Z]+\)")
_LOOK = re.compile(r"\(\?<?[=!]")
_OPENING = re.compile(r"\((?:\?(?:P<\w+>|P=\w+|[a-zA-Z-]*:|>|<?[=!]|\(\w+\)|#))?")
_REPETITION = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_ESCAPED = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|\d{1,3}|.)", re.DOTALL
)
_PLACES = frozenset("AZzbB")
_SETS = frozenset("dDsSwW")


def options_of(pattern: str) -> tuple[Option, ...]:
    """The sides of a pattern."""
    options, end = _options(pattern, 0)
    assert end == len(pattern)  # noqa: S101  # the pattern is valid
    return options


def _options(pattern: str, at: int) -> tuple[tuple[Option, ...], int]:
    """The sides from an offset to the bracket that closes them, and its offset."""
    options: list[Option] = []
    pieces: list[Piece] = []
    start = at
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            options.append(Option(start, at, tuple(pieces)))
            pieces, start = [], at + 1
            at += 1
            continue
        piece = _piece(pattern, at)
        pieces.append(piece)
        at = piece.stop
    options.append(Option(start, at, tuple(pieces)))
    return tuple(options), at


def _piece(pattern: str, at: int) -> Piece:
    kind, end, options = _item(pattern, at)
    stop = end
    if kind != "flags":
        found = _REPETITION.match(pattern, end)
        if found is not None and found.group() not in ("{}", "{,}"):
            stop = found.end()
    return Piece(kind, at, end, stop, options)


def _item(pattern: str, at: int) -> tuple[Kind, int, tuple[Option, ...]]:
    sign = pattern[at]
    if sign == "\\":
        found = _ESCAPED.match(pattern, at)
        assert found is not None  # noqa: S101  # the pattern is valid
        return _escape_kind(pattern[at + 1]), found.end(), ()
    if sign == "[":
        return "set", _set_end(pattern, at), ()
    if sign in "^$":
        return "anchor", at + 1, ()
    if sign == ".":
        return "dot", at + 1, ()
    if sign != "(":
        return "text", at + 1, ()
    flags = _FLAGS.match(pattern, at)
    if flags is not None:
        return "flags", flags.end(), ()
    opening = _OPENING.match(pattern, at)
    assert opening is not None  # noqa: S101  # it begins with a bracket
    if opening.group() == "(?#":
        return "flags", pattern.index(")", at) + 1, ()
    options, end = _options(pattern, opening.end())
    kind: Kind = "look" if _LOOK.match(pattern, at) else "group"
    return kind, end + 1, options


def _escape_kind(sign: str) -> Kind:
    if sign in _PLACES:
        return "anchor"
    if sign in _SETS:
        return "set"
    return "text" if sign.isalnum() else "escaped"


def _set_end(pattern: str, at: int) -> int:
    at += 1
    if pattern[at] == "^":
        at += 1
    at += 1  # a bracket that comes first stands for itself
    if pattern[at - 1] == "\\":
        at += 1
    while pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
