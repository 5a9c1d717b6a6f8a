"""The hunt: each mutant is run on the cases that reach it, until one of them fails.

Takes mutants and cases, gives a verdict on every mutant. A case is judged on the whole policy, with
the mutant's change in it: a mutant is killed if a case that passes on the policy fails on it. That
the change makes some rule fail is not enough; the case must notice. The same cases give the same
verdicts with any number of processes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.testing.mutation.programs import MutantPrograms
from policyc.runtime.testing.mutation.workers import Late, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from policyc.runtime.program import Program
    from policyc.runtime.testing.mutation.kept import KeptVerdicts
    from policyc.runtime.testing.mutation.mutants import Mutant, MutantSet

SECONDS = 10.0
"""Time for one mutant on all of its cases."""

_UNCHANGED = "unchanged"
"""What verdicts on the policy itself are kept under."""


class Case(Protocol):
    """A case of a test. It can be pickled."""

    @property
    def name(self) -> str:
        """Its name, unique among the cases of a hunt."""

    @property
    def digest(self) -> str:
        """A text that changes whenever anything changes that its verdict depends on, the policy
        apart."""


class Verdict(StrEnum):
    """What became of a mutant. `NOT_REACHED`: there was no case to try it on."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Fate:
    """A mutant and what became of it; `case` is the name of the case that killed it."""

    mutant: Mutant
    verdict: Verdict
    case: str | None = None


@dataclass(frozen=True, slots=True)
class Hunt:
    """What became of all mutants of a policy, in their order."""

    found: MutantSet
    fates: tuple[Fate, ...]


class FailingCases(PolicycError):
    """Cases fail on the policy itself, so they tell nothing about its mutants."""

    def __init__(self, names: Sequence[str]) -> None:
        listed = "".join(f"\n  {name}" for name in names)
        super().__init__(
            f"{len(names)} cases fail, or take too long, without any change of the policy:{listed}"
        )
        self.names = tuple(names)


def hunt(
    found: MutantSet,
    cases: Sequence[Case],
    *,
    build: Callable[[Program], Any],
    passes: Callable[[Any, Any], bool],
    reach: Mapping[str, Collection[str]] | None = None,
    workers: int | None = None,
    seconds: float = SECONDS,
    kept: KeptVerdicts | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Hunt:
    """Run each mutant on its cases.

    Args:
        found: the mutants of a policy.
        cases: what they are run on; the first that fails ends it.
        build: makes of a program what `passes` takes, such as a `Policy`.
        passes: whether a case passes; `build` and `passes` can be pickled.
        reach: by the id of a mutant the names of the cases that can notice it; mutants that are
            not in it are run on all cases.
        workers: processes; by default one for each processor, 0 for none but this one, where
            nothing limits the time.
        seconds: the time for one mutant; one that takes longer counts as killed.
        kept: verdicts of earlier hunts; new ones are added and saved.
        progress: called with the number of mutants that are decided, and of all.

    Raises:
        FailingCases: cases fail on the policy itself.
        WorkerError: a case could not be run.
    """
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        raise ValueError("the names of cases are unique")
    number = (os.cpu_count() or 1) if workers is None else workers
    start = partial(_Trial, found, tuple(cases), build, passes)
    with _Hunter(start, cases, number, seconds, kept) as hunter:
        try:
            hunter.check_unchanged()
            fates = hunter.run(found.mutants, reach or {}, progress or _ignore)
        finally:
            if kept is not None:
                kept.save()
    return Hunt(found, fates)


def _ignore(done: int, total: int) -> None:
    """Progress that nobody wants to see."""


_Task = tuple[int | None, tuple[int, ...]]
"""A mutant by its number, None for the policy itself, and cases by theirs."""


class _Trial:
    """Runs mutants on cases: the function of the processes. Answers how many cases it tried, and
    whether the last of them failed."""

    def __init__(
        self,
        found: MutantSet,
        cases: tuple[Case, ...],
        build: Callable[[Program], Any],
        passes: Callable[[Any, Any], bool],
    ) -> None:
        self.mutants = found.mutants
        self.programs = MutantPrograms(found.plan)
        self.cases = cases
        self.build = build
        self.passes = passes

    def __call__(self, task: _Task) -> tuple[int, bool]:
        number, chosen = task
        program = (
            self.programs.unchanged if number is None else self.programs.of(self.mutants[number])
        )
        policy = self.build(program)
        for tried, case in enumerate(chosen, 1):
            if not self.passes(policy, self.cases[case]):
                return tried, True
        return len(chosen), False


class _Hunter:
    """Decides which mutants have to be run on which cases, and what follows from the answers."""

    def __init__(
        self,
        start: Callable[[], Callable[[_Task], tuple[int, bool]]],
        cases: Sequence[Case],
        workers: int,
        seconds: float,
        kept: KeptVerdicts | None,
    ) -> None:
        self.start = start
        self.cases = cases
        self.kept = kept
        self.workers = Workers(start, workers, seconds) if workers else None

    def __enter__(self) -> _Hunter:
        return self

    def __exit__(self, *_: object) -> None:
        if self.workers is not None:
            self.workers.__exit__()

    def check_unchanged(self) -> None:
        """Raise `FailingCases` where cases fail on the policy itself."""
        passing = {n for n in range(len(self.cases)) if self._known(_UNCHANGED, n)}
        tasks: list[_Task] = [(None, (n,)) for n in range(len(self.cases)) if n not in passing]
        failing = []
        for task, answer in self._answers(tasks):
            (case,) = tasks[task][1]
            if isinstance(answer, Late) or answer[1]:
                failing.append(case)
            else:
                self._keep(_UNCHANGED, case, passes=True)
        if failing:
            raise FailingCases([self.cases[n].name for n in sorted(failing)])

    def run(
        self,
        mutants: Sequence[Mutant],
        reach: Mapping[str, Collection[str]],
        progress: Callable[[int, int], None],
    ) -> tuple[Fate, ...]:
        fates: list[Fate | None] = [None] * len(mutants)
        tasks: list[_Task] = []
        for number, mutant in enumerate(mutants):
            known, chosen = self._decided(mutant, reach)
            fates[number] = known
            if known is None:
                tasks.append((number, chosen))
        done = len(mutants) - len(tasks)
        progress(done, len(mutants))
        for task, answer in self._answers(tasks):
            number, chosen = tasks[task]
            assert number is not None  # noqa: S101  # the policy itself is no mutant
            fates[number] = self._fate(mutants[number], chosen, answer)
            done += 1
            progress(done, len(mutants))
        return tuple(fate for fate in fates if fate is not None)

    def _decided(
        self, mutant: Mutant, reach: Mapping[str, Collection[str]]
    ) -> tuple[Fate | None, tuple[int, ...]]:
        """What is known of a mutant, else the cases that it has to be run on."""
        names = reach.get(mutant.id)
        chosen = [n for n, case in enumerate(self.cases) if names is None or case.name in names]
        if not chosen:
            return Fate(mutant, Verdict.NOT_REACHED), ()
        left = []
        for number in chosen:
            passes = self._known(mutant.id, number)
            if passes is None:
                left.append(number)
            elif not passes and not left:
                return Fate(mutant, Verdict.KILLED, self.cases[number].name), ()
            elif not passes:
                # The cases before it decide by which one it is killed.
                left.append(number)
                break
        return (None, tuple(left)) if left else (Fate(mutant, Verdict.SURVIVED), ())

    def _fate(
        self, mutant: Mutant, chosen: tuple[int, ...], answer: tuple[int, bool] | Late
    ) -> Fate:
        if isinstance(answer, Late):
            return Fate(mutant, Verdict.TIMEOUT)
        tried, has_failed = answer
        for at, number in enumerate(chosen[:tried], 1):
            self._keep(mutant.id, number, passes=not (has_failed and at == tried))
        if has_failed:
            return Fate(mutant, Verdict.KILLED, self.cases[chosen[tried - 1]].name)
        return Fate(mutant, Verdict.SURVIVED)

    def _answers(self, tasks: Sequence[_Task]) -> Iterable[tuple[int, tuple[int, bool] | Late]]:
        if not tasks:
            return ()
        if self.workers is not None:
            return self.workers.run(tasks)
        run = self.start()
        return ((number, run(task)) for number, task in enumerate(tasks))

    def _known(self, mutant: str, case: int) -> bool | None:
        return None if self.kept is None else self.kept.get(mutant, self.cases[case].digest)

    def _keep(self, mutant: str, case: int, *, passes: bool) -> None:
        if self.kept is not None:
            self.kept.add(mutant, self.cases[case].digest, passes=passes)
