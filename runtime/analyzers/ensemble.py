"""The analyzer that asks several others, and takes the gravest answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from policyc.runtime.analyzers.analyzer import Question, SecurityAnalyzer
from policyc.runtime.analyzers.risk import AnalyzerError, Assessment, worst

if TYPE_CHECKING:
    from collections.abc import Sequence


class EnsembleAnalyzer(SecurityAnalyzer):
    """Asks its members at the same time; the level of an action is the gravest of theirs.

    Thresholds, `on_error` and the trace are those of the ensemble: of a member only the assessment
    counts. One that fails counts as `on_error` says; the others' findings stand. One that does not
    know (UNKNOWN) is graver than one that says LOW.

    Args:
        analyzers: the members; they belong to the ensemble, which starts and closes them.
        options: as `SecurityAnalyzer` takes them.

    Raises:
        AnalyzerError: there are no members.
    """

    name: ClassVar[str] = "ensemble"

    def __init__(self, analyzers: Sequence[SecurityAnalyzer], **options: Any) -> None:
        super().__init__(**options)
        if not analyzers:
            raise AnalyzerError("an ensemble needs members: pass them as `analyzers`")
        self.analyzers = tuple(analyzers)

    async def open(self) -> None:
        await asyncio.gather(*(member.start() for member in self.analyzers))

    async def release(self) -> None:
        ended = await asyncio.gather(
            *(member.close() for member in self.analyzers), return_exceptions=True
        )
        failed = [str(error) for error in ended if isinstance(error, BaseException)]
        if failed:
            raise AnalyzerError("; ".join(failed))

    async def assess(self, question: Question) -> Assessment:
        found = await asyncio.gather(*(member.assessed(question) for member in self.analyzers))
        return Assessment(
            # What failed has no level, and must not lower that of the others either.
            worst(one.level for one in found),
            violations=tuple(each for one in found for each in one.violations),
            failures=tuple(each for one in found for each in one.failures),
            notes=tuple(each for one in found for each in one.notes),
        )
