"""A run of case files: what was chosen, what became of each, and whether that is good.

Takes what was read of the case files, gives a `Report`, which everything that is printed is made
from. A report does not depend on how the cases were run: no times, and the order of the files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policyc.runtime.testing.outcomes import CaseResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from policyc.grammar.diagnostics import Diagnostic
    from policyc.runtime.testing.case_reading import Loaded
    from policyc.runtime.testing.cases import Case


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of a case file: diagnostics if it cannot be used, else the results of its cases
    in their order. `left_out`: how many cases were not chosen."""

    path: str
    results: tuple[CaseResult, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    policies: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all case files, by path. `untested`: policies that no case file is about."""

    files: tuple[FileReport, ...]
    untested: tuple[str, ...] = ()

    @property
    def results(self) -> list[CaseResult]:
        return [result for file in self.files for result in file.results]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(found for file in self.files for found in file.diagnostics)

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)
