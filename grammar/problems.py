"""What the parts of the parser raise when they cannot go on: a diagnostic that does not know its
source yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policyc.grammar.catalog import CODES
from policyc.grammar.diagnostics import Diagnostic, Label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.grammar.source import Source, Span


@dataclass
class SyntaxProblem(Exception):
    """One mistake in the text; `parser` turns it into a `Diagnostic`."""

    code: str
    message: str
    span: Span
    help: str | None = None
    note: str = ""
    labels: tuple[Label, ...] = field(default=())
    is_told_once: bool = False
    """Its help speaks of every line that has this mistake."""

    def repeats(self, known: Iterable[SyntaxProblem]) -> bool:
        return self.is_told_once and any(
            other.is_told_once and other.help == self.help for other in known
        )

    def diagnostic(self, source: Source) -> Diagnostic:
        severity = CODES[self.code].severity
        return Diagnostic(
            self.code, severity, self.message, source, self.span, self.help, self.note, self.labels
        )
