"""What policyc says about a policy: codes, messages, places, and the exception that carries them.

Pure data. Rendering to text, JSON, SARIF or GitHub lines lives in `rendering`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.grammar.source import Source, Span


class PolicycError(Exception):
    """The base of every exception that policyc raises on purpose."""


class Severity(StrEnum):
    """An error refuses a policy, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that belongs to a diagnostic, with a few words about it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding in one policy.

    `message` starts in lower case, has no final period and puts the user's text in backticks.
    `help` is a sentence that the reader can act on. `note` are the few words beside the caret.
    Lines and columns are 1-based in the text as given; the end column is exclusive.
    """

    code: str
    severity: Severity
    message: str
    source: Source = field(repr=False)
    span: Span
    help: str | None = None
    note: str = ""
    labels: tuple[Label, ...] = ()

    @property
    def path(self) -> str | None:
        return self.source.path

    @property
    def line(self) -> int:
        return self.source.position(self.span.start).line

    @property
    def column(self) -> int:
        return self.source.position(self.span.start).column

    @property
    def end_line(self) -> int:
        return self.source.position(self.span.end).line

    @property
    def end_column(self) -> int:
        return self.source.position(self.span.end).column

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `policyc check --format json` prints."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "help": self.help,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
        }

    def __str__(self) -> str:
        place = f"{self.source.name}:{self.line}:{self.column}"
        text = f"{place}: {self.severity}[{self.code}]: {self.message}"
        return f"{text} (help: {self.help})" if self.help else text


class PolicyError(PolicycError):
    """A policy that cannot be compiled.

    `diagnostics` holds every error and warning of the file, by position.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.diagnostics,))


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By position, then code; the same code at the same place is said once."""
    unique = {(d.span.start, d.code, d.message): d for d in diagnostics}
    return tuple(unique[key] for key in sorted(unique))
