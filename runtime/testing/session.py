"""A run of case files: which cases are chosen, what became of each, and whether that is good.

`run` takes what was read of the case files and gives a `Report`, which everything that is printed
is made from. A report does not depend on how the cases were run: it has no times, and the order of
the files.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from policyc.runtime.testing.outcomes import CaseResult, Outcome
from policyc.runtime.testing.workers import SECONDS, Task, run_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyc.grammar.diagnostics import Diagnostic
    from policyc.runtime.testing.case_reading import Loaded
    from policyc.runtime.testing.cases import Case
    from policyc.runtime.testing.running import Observer

Identity = tuple[str, str]
"""Path of the case file and name of the case."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which cases are run: those with one of the texts in their name (upper and lower case are the
    same), one of the tags, and among `failed`. What is empty or None chooses all."""

    texts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    failed: frozenset[Identity] | None = None

    def takes(self, path: str, case: Case) -> bool:
        name = case.name.casefold()
        return (
            (not self.texts or any(text.casefold() in name for text in self.texts))
            and (not self.tags or any(tag in case.tags for tag in self.tags))
            and (self.failed is None or (path, case.name) in self.failed)
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """How cases are run. `workers`: processes at the same time. `seconds`: for a case that has no
    timeout of its own. `is_fail_fast`: stop after the first case that does not hold."""

    workers: int = 1
    seconds: float = SECONDS
    is_fail_fast: bool = False
    observer: Observer | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a run besides its cases: a place and a sentence."""

    kind: Literal["untested-policy", "only-some-cases"]
    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of a case file: diagnostics if it cannot be used, else the results of its cases
    in their order. `left_out`: how many cases were not run."""

    path: str
    results: tuple[CaseResult, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all case files, in their order. `untested`: policies without cases."""

    files: tuple[FileReport, ...]
    untested: tuple[str, ...] = ()
    complaints: tuple[Complaint, ...] = field(default=())

    @property
    def results(self) -> list[CaseResult]:
        return [result for file in self.files for result in file.results]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Those of all files, each once: several may be about the same policy."""
        found = (one for file in self.files for one in file.diagnostics)
        return tuple({(x.path, x.span, x.code, x.message): x for x in found}.values())

    @property
    def left_out(self) -> int:
        return sum(file.left_out for file in self.files)

    @property
    def ok(self) -> bool:
        """Whether at least one case was run and nothing speaks against any policy."""
        return (
            all(result.ok for result in self.results)
            and any(result.outcome is Outcome.PASSED for result in self.results)
            and not self.diagnostics
            and not self.complaints
        )

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)


def run(
    loaded: Sequence[Loaded],
    choice: Choice | None = None,
    settings: Settings | None = None,
    *,
    untested: tuple[str, ...] = (),
    on_result: Callable[[CaseResult], None] | None = None,
) -> Report:
    """Run the chosen cases of some case files.

    Args:
        loaded: the case files. choice: which cases; by default all. untested: policies without
        cases, for the report. on_result: is told each result, in their order.
    """
    settings = settings or Settings()
    chosen = choose(loaded, choice or Choice())
    usable = [one for one in loaded if one.program is not None]
    numbers = {one.path: number for number, one in enumerate(usable)}
    tasks = [
        Task(numbers[path], case)
        for path, cases in chosen.items()
        for case in cases
        if not case.skip
    ]
    ran = run_tasks(
        tasks,
        [one.program for one in usable if one.program is not None],
        workers=settings.workers,
        seconds=settings.seconds,
        observer=settings.observer,
    )
    files: list[FileReport] = []
    is_over = False
    with closing(ran):
        for one in loaded:
            results: list[CaseResult] = []
            for case in chosen.get(one.path, ()):
                if is_over:
                    break
                result = CaseResult(case, Outcome.SKIPPED) if case.skip else next(ran)
                results.append(result)
                if on_result is not None:
                    on_result(result)
                is_over = settings.is_fail_fast and not result.ok
            count = 0 if one.file is None else len(one.file.cases)
            left_out = count - len(results)
            files.append(FileReport(one.path, tuple(results), one.diagnostics, left_out))
    return Report(tuple(files), untested)


def choose(loaded: Sequence[Loaded], choice: Choice) -> dict[str, list[Case]]:
    """The chosen cases of each case file; where some have `only`, these alone."""
    chosen = {
        one.path: [case for case in one.file.cases if choice.takes(one.path, case)]
        for one in loaded
        if one.file is not None
    }
    if any(case.is_only for cases in chosen.values() for case in cases):
        return {path: [case for case in cases if case.is_only] for path, cases in chosen.items()}
    return chosen


def tags_of(loaded: Sequence[Loaded]) -> list[str]:
    """The tags that cases have, sorted."""
    files = (one.file for one in loaded if one.file is not None)
    return sorted({tag for file in files for case in file.cases for tag in case.tags})
