"""The text of a string literal, quotes and prefix included -> the value it means.

A one-line string processes one escape, the backslash before its own quote; everything else, `\\n`
too, stays as written. A triple-quoted string is taken as it is, less the margin that all its lines
share, and with `\\r\\n` as `\\n`. In an f-string `{expr}` and `{expr:10.2}` are found and given
back by offset for the parser to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.source import Span

_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
_MARGIN = re.compile(r"^[ \t]*(?=[^ \t\n])", re.MULTILINE)
_SPEC = re.compile(r"[0-9]{0,6}(?:\.[0-9]{1,6})?")
_BRACE = re.compile(r"[{}]")
_INSIDE = re.compile(r"""[()\[\]{}"':!]""")


@dataclass(frozen=True, slots=True)
class FStringPart:
    """`{expr:spec}`: the expression `text` lies between `start` and `end` in the source."""

    text: str
    start: int
    end: int
    spec: str
    span: Span


def split_literal(text: str) -> tuple[str, str, str]:
    """Prefix, quotes and content of a literal."""
    prefix = text[0] if text[0] not in "\"'" else ""
    rest = text[len(prefix) :]
    quotes = rest[:3] if rest[:3] in ('"""', "'''") and len(rest) >= 6 else rest[0]
    return prefix, quotes, rest[len(quotes) : -len(quotes)]


def read_string(text: str) -> str:
    """The value of a literal without interpolation."""
    _, quotes, content = split_literal(text)
    if len(quotes) == 1:
        return content.replace("\\" + quotes, quotes) if "\\" in content else content
    content = content.replace("\r\n", "\n")
    return _dedent(content, _margin(content), first=True, last=True)


def _margin(content: str) -> str:
    """The blanks that every line with anything on it starts with."""
    margin: str | None = None
    for found in _MARGIN.finditer(content):
        blanks = found.group()
        if margin is None or margin.startswith(blanks):
            margin = blanks
        elif not blanks.startswith(margin):
            same = 0
            while same < len(margin) and same < len(blanks) and margin[same] == blanks[same]:
                same += 1
            margin = margin[:same]
    return margin or ""


def _dedent(text: str, margin: str, *, first: bool, last: bool) -> str:
    """Removes the margin from each line, and everything from a blank line. `first` and `last` say
    whether the text reaches to the start and to the end of the literal: only then are its outer
    lines whole lines."""

    def blank_line(found: re.Match[str]) -> str:
        whole = (first or found.start() > 0) and (last or found.end() < len(text))
        return "" if whole else found.group()

    cleaned = _BLANK_LINE.sub(blank_line, text)
    if not margin:
        return cleaned
    if first:
        cleaned = cleaned.removeprefix(margin)
    return cleaned.replace("\n" + margin, "\n")


def read_fstring(text: str, offset: int) -> list[FStringPart | tuple[str, Span]]:
    """The parts of an f-string that starts at `offset`: literal texts with their places, and
    interpolations."""
    prefix, quotes, content = split_literal(text)
    base = offset + len(prefix) + len(quotes)
    margin = _margin(content.replace("\r\n", "\n")) if len(quotes) == 3 else ""
    parts: list[FStringPart | tuple[str, Span]] = []
    for piece in _pieces(content, base):
        if isinstance(piece, FStringPart):
            parts.append(piece)
            continue
        value, span = piece
        if len(quotes) == 3:
            value = _dedent(
                value.replace("\r\n", "\n"),
                margin,
                first=span.start == base,
                last=span.end == base + len(content),
            )
        elif "\\" in value:
            value = value.replace("\\" + quotes, quotes)
        if value:
            parts.append((value, span))
    return parts


def _pieces(content: str, base: int) -> list[FStringPart | tuple[str, Span]]:
    pieces: list[FStringPart | tuple[str, Span]] = []
    literal: list[str] = []
    start = at = 0

    def finish_literal(end: int) -> None:
        value = "".join(literal)
        if value:
            pieces.append((value, Span(base + start, base + end)))
        literal.clear()

    while found := _BRACE.search(content, at):
        brace = found.start()
        literal.append(content[at:brace])
        if content.startswith(found.group() * 2, brace):
            literal.append(found.group())
            at = brace + 2
            continue
        if found.group() == "}":
            raise _malformed(
                "this `}` closes nothing",
                Span(base + brace, base + brace + 1),
                "write `}}` for a brace in the text",
            )
        finish_literal(brace)
        part = _interpolation(content, brace, base)
        pieces.append(part)
        start = at = part.span.end - base
    literal.append(content[at:])
    finish_literal(len(content))
    return pieces


def _interpolation(content: str, brace: int, base: int) -> FStringPart:
    """Reads from an opening brace to the one that closes it."""
    depth = 0
    colon = None
    at = brace + 1
    while found := _INSIDE.search(content, at):
        char, at = found.group(), found.end()
        if char in "\"'":
            at = content.find(char, at) + 1
            if at == 0:
                break
        elif char in "([{":
            depth += 1
        elif char == "}" and depth == 0:
            return _part(content, brace, found.start(), colon, base)
        elif char in ")]}":
            depth -= 1
        elif depth == 0 and colon is None:
            if char == ":":
                colon = found.start()
            elif not content.startswith("=", at):
                raise _malformed(
                    "a conversion such as `!r` has no meaning here",
                    Span(base + found.start(), base + min(at + 1, len(content))),
                    "remove it: every value is written as text",
                )
    raise _malformed(
        "this `{` is never closed",
        Span(base + brace, base + brace + 1),
        "write `{{` for a brace in the text",
    )


def _part(content: str, brace: int, close: int, colon: int | None, base: int) -> FStringPart:
    span = Span(base + brace, base + close + 1)
    end = close if colon is None else colon
    if not content[brace + 1 : end].strip():
        raise _malformed(
            "there is no expression between these braces",
            span,
            "write a value between them, or `{{}}` for braces in the text",
        )
    spec = "" if colon is None else content[colon + 1 : close].strip()
    if not _SPEC.fullmatch(spec):
        raise _malformed(
            f"`{spec}` is no width and precision",
            Span(base + end + 1, base + close),
            "after the colon write a width, a precision or both: `{x:10}`, `{x:.2}`, `{x:10.2}`",
        )
    return FStringPart(content[brace + 1 : end], base + brace + 1, base + end, spec, span)


def _malformed(message: str, span: Span, hint: str) -> SyntaxProblem:
    return SyntaxProblem("E0224", message, span, help=hint)
