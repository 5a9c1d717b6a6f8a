"""Pieces of a policy as people see them.

The span of an expression leaves out the brackets around its first and its last part: that of
`(a) == (b)` is `a) == (b`. Here they are taken back in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from policyc.grammar.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = re.compile(
    r"""
    (?P<skipped> '''.*?''' | \"""[\s\S]*?\""" | '(?:\\'|[^'\n])*' | "(?:\\"|[^"\n])*" | \#[^\n]* )
    | (?P<opening> [(\[{] )
    | (?P<closing> [)\]}] )
    """,
    re.VERBOSE | re.DOTALL,
)

_SPACE: Final = " \t\r\n"


def whole(text: str, span: Span) -> Span:
    """The span with the round brackets that its ends are in; as it is where they are not found."""
    before, after = _missing(text[span.start : span.end])
    start, end = span.start, span.end
    for _ in range(before):
        start -= 1
        while start >= 0 and text[start] in _SPACE:
            start -= 1
        if start < 0 or text[start] != "(":
            return span
    for _ in range(after):
        while end < len(text) and text[end] in _SPACE:
            end += 1
        if end >= len(text) or text[end] != ")":
            return span
        end += 1
    return Span(start, end)


def _missing(piece: str) -> tuple[int, int]:
    """How many brackets must open before a piece, and close after it."""
    before = depth = 0
    for token in _TOKEN.finditer(piece):
        if token["opening"]:
            depth += 1
        elif token["closing"]:
            depth -= 1
            if depth < 0:
                before += 1
                depth = 0
    return before, depth


def holds(outer: Span, inner: Span) -> bool:
    """Whether a span lies in another."""
    return outer.start <= inner.start and inner.end <= outer.end


def comments(text: str) -> Iterator[Span]:
    """The places of the comments of a policy."""
    for token in _TOKEN.finditer(text):
        if token["skipped"] and token["skipped"].startswith("#"):
            yield Span(token.start(), token.end())
