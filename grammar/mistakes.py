"""What the detectors of syntax mistakes are given and what they answer.

A detector is a function `Place -> Mistake | None`. They live in `mistakes_in_text`,
`mistakes_in_statements` and `mistakes_in_expressions`; `syntax_errors` asks them in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.sections import CLOSERS, PAIRS, RawToken, matching_brackets
from policyc.grammar.source import NO_SPAN, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.grammar.diagnostics import Label
    from policyc.grammar.layout import Edit

NOTHING = RawToken("end", "", 0, 0)

OPERATOR_WORDS = frozenset({
    "and", "or", "not", "in", "is", "if", "else", "for", "contains_only",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and the edits that read the text as it was meant; without edits the line is
    lost."""

    problem: SyntaxProblem
    edits: tuple[Edit, ...] = ()

    def told_once(self) -> Mistake:
        """The same, for a mistake whose help speaks of all the lines that have it."""
        return Mistake(replace(self.problem, is_told_once=True), self.edits)


def mistake(
    code: str,
    message: str,
    span: Span,
    hint: str | None,
    *edits: Edit,
    note: str = "",
    labels: tuple[Label, ...] = (),
) -> Mistake:
    return Mistake(SyntaxProblem(code, message, span, hint, note, labels), edits)


@dataclass
class Place:
    """Where the parser stopped: in which line (all its tokens, as written), and before which of
    them.

    `index` is the length of `tokens` where it stopped at the end of the line.
    """

    text: str
    tokens: Sequence[RawToken]
    index: int
    is_header: bool
    accepted: frozenset[str] = field(default_factory=frozenset)

    def at(self, index: int) -> RawToken:
        """A token of the line; an empty one before its start and after its end."""
        return self.tokens[index] if 0 <= index < len(self.tokens) else NOTHING

    @property
    def token(self) -> RawToken:
        return self.at(self.index)

    @property
    def previous(self) -> RawToken:
        return self.at(self.index - 1)

    @property
    def following(self) -> RawToken:
        return self.at(self.index + 1)

    @property
    def first(self) -> RawToken:
        return self.at(0)

    @property
    def span(self) -> Span:
        """The token, or the place just after the line."""
        if self.index < len(self.tokens):
            return self.token.span
        return Span(self.end, self.end)

    @property
    def end(self) -> int:
        return self.tokens[-1].end if self.tokens else NO_SPAN.end

    @cached_property
    def pairs(self) -> dict[int, int]:
        return matching_brackets(self.tokens)

    @cached_property
    def enclosing(self) -> int:
        """The index of the innermost bracket that is open at the place; -1 outside of brackets."""
        opened: list[int] = []
        for index in range(min(self.index, len(self.tokens))):
            token = self.tokens[index]
            if token.kind != "symbol":
                continue
            if token.text in PAIRS:
                opened.append(index)
            elif token.text in CLOSERS and opened:
                opened.pop()
        return opened[-1] if opened else -1

    def is_call(self, opening: int) -> bool:
        """Whether a bracket follows a value, so that it calls or indexes it."""
        return ends_value(self.at(opening - 1))

    def is_first_in_line(self, index: int) -> bool:
        """Whether no other token stands before it in its physical line."""
        before = self.at(index - 1)
        return before is NOTHING or "\n" in self.text[before.end : self.at(index).start]

    def is_last_in_line(self, index: int) -> bool:
        after = self.at(index + 1)
        return after is NOTHING or "\n" in self.text[self.at(index).end : after.start]


def shorten(text: str) -> str:
    """A piece of the user's text, short enough for a message."""
    text = text.split("\n", 1)[0]
    return text if len(text) <= 40 else f"{text[:37]}..."


Detector = Callable[[Place], Mistake | None]


def ends_value(token: RawToken) -> bool:
    """Whether a value can end with this token."""
    if token.kind == "word":
        return token.text not in OPERATOR_WORDS
    return token.kind in ("string", "open", "number", "tool") or token.text in CLOSERS


def starts_value(token: RawToken) -> bool:
    if token.kind == "word":
        return token.text not in OPERATOR_WORDS or token.text == "not"
    return token.kind in ("string", "open", "number", "tool") or token.text in PAIRS
