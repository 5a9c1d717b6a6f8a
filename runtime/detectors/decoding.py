"""One layer of encoding taken off: pieces in base64, hexadecimal digits or percent signs, decoded.

Only what decodes to readable text is given; each encoded piece is decoded once, so the work is
linear in the text."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}(?:[^\s\"'<>%]|%[0-9A-Fa-f]{2})*")
_EDGES = frozenset(" \t\r\n\"'<>")
_UNREADABLE = re.compile(rb"[^\t\n\r\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an encoded piece of a text stands for; `start` and `end` are the piece in the text."""

    text: str
    start: int
    end: int
    encoding: str


def decoded(text: str) -> Iterator[Decoded]:
    """The encoded pieces of a text that stand for readable text."""
    for match in _BASE64.finditer(text):
        if _HEX.fullmatch(match[0]):
            continue
        plain = _base64(match[0])
        if plain is not None:
            yield Decoded(plain, match.start(), match.end(), "base64")
    for match in _HEX.finditer(text):
        plain = _readable(bytes.fromhex(match[0]))
        if plain is not None:
            yield Decoded(plain, match.start(), match.end(), "hex")
    if "%" in text:
        for start, end in _with_percent_signs(text):
            plain = _readable(unquote_to_bytes(text[start:end]))
            if plain is not None:
                yield Decoded(plain, start, end, "url")


def _with_percent_signs(text: str) -> Iterator[tuple[int, int]]:
    """The words that hold `%41` and the like."""
    last = 0
    for match in _PERCENT.finditer(text):
        start = match.start()
        while start > last and text[start - 1] not in _EDGES:
            start -= 1
        yield start, match.end()
        last = match.end()


def _base64(piece: str) -> str | None:
    body = piece.replace("-", "+").replace("_", "/")
    body = body[: len(body) - (len(body) % 4 == 1)]
    # Most words are not base64 of readable text; a few bytes tell.
    try:
        if _readable(base64.b64decode(body[:12])) is None:
            return None
        return _readable(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return None


def _readable(data: bytes) -> str | None:
    return data.decode("ascii") if data and _UNREADABLE.search(data) is None else None
