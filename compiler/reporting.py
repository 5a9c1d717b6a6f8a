"""Where the checks of the compiler put what they find: one list of diagnostics for one source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar.catalog import CODES
from policyc.grammar.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.grammar.diagnostics import Label
    from policyc.grammar.source import Source, Span


class Reporter:
    """Makes diagnostics with the severity of their code; keeps them in the order of the checks."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []

    def report(
        self,
        code: str,
        span: Span,
        message: str,
        advice: str | None = None,
        *,
        note: str = "",
        labels: Iterable[Label] = (),
    ) -> None:
        self.diagnostics.append(
            Diagnostic(
                code,
                CODES[code].severity,
                message,
                self.source,
                span,
                help=advice,
                note=note,
                labels=tuple(labels),
            )
        )

    @property
    def has_errors(self) -> bool:
        return any(found.severity is Severity.ERROR for found in self.diagnostics)
