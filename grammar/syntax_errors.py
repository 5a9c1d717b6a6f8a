"""Where the parser stopped -> what is wrong there, in the words of the person who wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from policyc.grammar.sections import RawToken


def explain(
    tokens: Sequence[RawToken], offset: int, accepted: Collection[str], end: int
) -> SyntaxProblem:
    token = next((t for t in tokens if t.end > offset), None)
    if token is None:
        return SyntaxProblem("E0201", "the text ends too early", Span(end, end))
    return SyntaxProblem("E0201", f"`{token.text}` cannot stand here", token.span)
