"""Lexemes -> lexemes: line ends and indentation become NEWLINE, INDENT and DEDENT (a Lark
post-lexer).

- Inside brackets there is no layout. Comment lines and blank lines never count: they are part of a
  line end.
- A block opens after a colon or `:=` at the end of a line when the next line is deeper than the
  line that opened.
- A line continues after an operator, a comma or another word that cannot end it, and before a line
  that starts with an operator, unless that line is less deep than its block.
- A deeper line that opens nothing is a line of the same block.

Depth is counted twice, with tabs to the next multiple of eight and with tabs as one column: where
the two disagree about an order the indentation is ambiguous and refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policyc.grammar.diagnostics import Label
from policyc.grammar.lexer import Lexeme
from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NESTING = 100
"""How many brackets or blocks may be open at once."""

_OPEN = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSE = frozenset({"RPAR", "RSQB", "RBRACE"})
_MARKS = frozenset({"NEWLINE", "CONTINUATION", "COLON"}) | _OPEN | _CLOSE
# After these a line cannot end, so the next line belongs to it.
_UNFINISHED = frozenset({
    "AND", "OR", "NOT", "IN", "IS", "ELSE", "CONTAINS_ONLY", "COMPARISON", "SIGN", "STAR",
    "FACTOR", "POWER", "COMMA", "RAISE", "IMPORT", "FROM", "AS", "KEYWORD",
})  # fmt: skip
# These may start a line that is no deeper than the line above and still continues it.
_CONDITIONAL = ("if", "else")


@dataclass(frozen=True, slots=True)
class Edit:
    """What to read instead of a piece of the text."""

    start: int
    end: int
    instead: str = ""


@dataclass
class Reading:
    """One piece of text to parse, and what was met on the way that is not in the tree.

    `inside_brackets` reads without layout. `complete` puts a value after a colon or `:=` that ends
    the text, so that the header of a block can be read alone. `edits`, by their start, mend
    mistakes that are already reported, and `lenient` reads on after a mistake of indentation.
    """

    text: str
    start: int
    end: int
    inside_brackets: bool = False
    complete: bool = False
    edits: dict[int, Edit] = field(default_factory=dict)
    lenient: bool = False
    line_ends: list[Span] = field(default_factory=list)
    deepest: int = 0


class _Depth:
    """How deep a line is, counted both ways."""

    __slots__ = ("narrow", "wide")

    def __init__(self, blanks: str) -> None:
        self.narrow = len(blanks)
        self.wide = len(blanks.expandtabs(8)) if "\t" in blanks else self.narrow

    def compare(self, other: _Depth) -> int | None:
        """Negative, 0 or positive as this is less deep, equal or deeper; None where tabs make it
        ambiguous."""
        wide = self.wide - other.wide
        narrow = self.narrow - other.narrow
        if (wide > 0) != (narrow > 0) or (wide < 0) != (narrow < 0):
            return None
        return wide


class Layout:
    """The post-lexer. `reading` is set by the parser before each parse."""

    always_accept = ("NEWLINE", "CONTINUATION")

    def __init__(self) -> None:
        self.reading = Reading("", 0, 0)

    def process(self, stream: Iterator[Any]) -> Iterator[Any]:
        reading = self.reading
        if reading.inside_brackets:
            return _unlaid(stream, reading)
        return _Lines(reading).process(stream)


def _unlaid(stream: Iterator[Lexeme], reading: Reading) -> Iterator[Lexeme]:
    for lexeme in stream:
        if lexeme.type not in ("NEWLINE", "CONTINUATION"):
            yield lexeme
    yield Lexeme("NEWLINE", "", reading.end, reading.end)


class _Lines:
    """The state of one pass: the open blocks and the line being read."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.text = reading.text
        margin = self._blanks_before_first_lexeme()
        self.blocks = [_Depth(margin)]
        self.line = self.blocks[0]
        self.colon: Lexeme | None = None  # a colon of this line outside brackets
        self.colons = 0
        self.started = False

    def _blanks_before_first_lexeme(self) -> str:
        start, end = self.reading.start, self.reading.end
        line_start = self.text.rfind("\n", 0, start) + 1
        offset = line_start
        while offset < end and self.text[offset] in " \t":
            offset += 1
        return self.text[line_start:offset]

    def process(self, stream: Iterator[Lexeme]) -> Iterator[Lexeme]:
        brackets: list[Lexeme] = []
        last = ""  # the type of the last lexeme of this line; empty at its start
        for lexeme in stream:
            kind = lexeme.type
            if kind not in _MARKS:
                last = kind
                yield lexeme
            elif kind in ("NEWLINE", "CONTINUATION"):
                self.reading.line_ends.append(lexeme.span)
                if brackets:
                    continue
                if last == "" and not self.started:
                    self._start(lexeme)
                elif self._ends_line(lexeme, last):
                    self.started = True
                    yield from self._next_line(lexeme, last)
                    last = ""
            else:
                if kind in _OPEN:
                    brackets.append(lexeme)
                    if len(brackets) > self.reading.deepest:
                        self._deepen(brackets)
                elif kind in _CLOSE:
                    if brackets:
                        brackets.pop()
                elif not brackets:
                    self.colon = lexeme
                    self.colons += 1
                    if self.colons > MAX_NESTING:
                        raise too_deep(lexeme.span)
                last = kind
                yield lexeme
        yield from self._finish(last)

    def _deepen(self, brackets: list[Lexeme]) -> None:
        self.reading.deepest = len(brackets)
        if len(brackets) > MAX_NESTING:
            raise too_deep(brackets[-1].span)

    def _start(self, lexeme: Lexeme) -> None:
        """Blank lines and comments before the first line: that line sets the margin."""
        self.line = self.blocks[0] = _Depth(_indentation(lexeme))

    def _ends_line(self, lexeme: Lexeme, last: str) -> bool:
        if last in _UNFINISHED:
            return False
        if lexeme.type == "NEWLINE" or last in ("COLON", "ASSIGN"):
            return True
        if lexeme.end_pos in self.reading.edits:  # the operator was a mistake
            return True
        depth = _Depth(_indentation(lexeme))
        if self.text.startswith(_CONDITIONAL, lexeme.end_pos):
            return (depth.compare(self.line) or 0) <= 0
        return (depth.compare(self.blocks[-1]) or 0) < 0

    def _next_line(self, lexeme: Lexeme, last: str) -> Iterator[Lexeme]:
        """The end of a line: what opens or closes before the next."""
        if last:  # else the whole line was edited away
            yield Lexeme("NEWLINE", lexeme.text, lexeme.start_pos, lexeme.end_pos)
        if lexeme.end_pos >= self.reading.end:
            return
        depth = _Depth(_indentation(lexeme))
        deeper = self._order(depth, self.line, lexeme) > 0
        opened = last in ("COLON", "ASSIGN")
        if opened and (deeper or (self.reading.lenient and depth.wide == self.line.wide)):
            self.blocks.append(depth)
            if len(self.blocks) > MAX_NESTING:
                raise too_deep(Span(lexeme.end_pos, lexeme.end_pos + 1))
            yield Lexeme("INDENT", "", lexeme.end_pos, lexeme.end_pos)
        elif deeper and not opened and self.colon is not None and not self.reading.lenient:
            raise _line_after_one_line_body(lexeme, self.colon, self.text)
        else:
            yield from self._close(depth, lexeme)
        self.line = depth
        self.colon = None
        self.colons = 0

    def _close(self, depth: _Depth, lexeme: Lexeme) -> Iterator[Lexeme]:
        blocks = self.blocks
        closed = False
        while (order := self._order(depth, blocks[-1], lexeme)) < 0:
            if len(blocks) == 1:
                blocks[0] = depth
                return
            if self.reading.lenient and depth.wide > blocks[-2].wide:
                return
            blocks.pop()
            closed = True
            yield Lexeme("DEDENT", "", lexeme.end_pos, lexeme.end_pos)
        if closed and order > 0 and not self.reading.lenient:
            raise SyntaxProblem(
                "E0102",
                "this line is indented like no line above it",
                Span(lexeme.end_pos - depth.narrow, lexeme.end_pos),
                help="indent it like the other lines of the block that it belongs to",
            )

    def _order(self, one: _Depth, other: _Depth, lexeme: Lexeme) -> int:
        order = one.compare(other)
        if order is None and self.reading.lenient:
            return one.wide - other.wide
        if order is None:
            raise SyntaxProblem(
                "E0103",
                "this line mixes tabs and blanks so that its depth is not clear",
                Span(lexeme.end_pos - one.narrow, lexeme.end_pos),
                help="indent every line with blanks only",
            )
        return order

    def _finish(self, last: str) -> Iterator[Lexeme]:
        end = self.reading.end
        if last and self.reading.complete and last in ("COLON", "ASSIGN"):
            yield Lexeme("NAME", "True", end, end)
        if last:
            yield Lexeme("NEWLINE", "", end, end)
        for _ in self.blocks[1:]:
            yield Lexeme("DEDENT", "", end, end)


def _indentation(lexeme: Lexeme) -> str:
    return lexeme.text[lexeme.text.rindex("\n") + 1 :]


def too_deep(span: Span) -> SyntaxProblem:
    return SyntaxProblem(
        "E0109",
        "this is nested too deeply",
        span,
        help="give parts of it a name with `:=`, or move them to a predicate",
    )


def _line_after_one_line_body(lexeme: Lexeme, colon: Lexeme, text: str) -> SyntaxProblem:
    line_end = text.find("\n", lexeme.end_pos)
    span = Span(lexeme.end_pos, line_end if line_end >= 0 else len(text))
    return SyntaxProblem(
        "E0105",
        "the body already stands beside the colon above, so no line can follow it",
        span,
        help="move the first line of the body to a line of its own, indented like this one",
        labels=(Label(colon.span, "the body starts after this colon"),),
    )
