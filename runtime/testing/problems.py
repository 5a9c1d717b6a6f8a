"""The diagnostics of one case file, gathered while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.spelling import did_you_mean
from policyc.grammar.catalog import CODES
from policyc.grammar.diagnostics import Diagnostic, Label, sort_diagnostics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.grammar.source import Source, Span


class Problems:
    """Takes what is wrong, so that all of it is told at once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._found: list[Diagnostic] = []

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found, by position."""
        return sort_diagnostics(self._found)

    def add(
        self, code: str, message: str, span: Span, hint: str | None = None, *labels: Label
    ) -> None:
        found = Diagnostic(
            code, CODES[code].severity, message, self.source, span, hint, labels=labels
        )
        self._found.append(found)

    def has(self, code: str) -> bool:
        return any(found.code == code for found in self._found)

    def line(self, span: Span) -> int:
        return self.source.position(span.start).line


def spelt(name: str, known: Iterable[str], what: str) -> str | None:
    """The help for a name that is not known: the nearest one, or all that there are after `what`;
    None if there are none."""
    names = list(known)
    listed = f"{what} {', '.join(f'`{one}`' for one in names)}" if names else None
    return did_you_mean(name, names) or listed
