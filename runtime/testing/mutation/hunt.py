"""The hunt: each mutant is run on the cases that reach it, until one of them fails.

Takes mutants and cases, gives a verdict on every mutant. A case is judged on the whole policy, with
the mutant's change in it: a mutant is killed if a case that passes on the policy fails on it. That
the change makes some rule fail is not enough; the case must notice. The same cases give the same
verdicts with any number of processes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.testing.mutation.programs import MutantPrograms
from policyc.runtime.testing.mutation.workers import NoAnswer, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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
    """What became of a mutant. `TIMEOUT`: a case took too long, or its process died.
    `NOT_REACHED`: there was no case to try it on."""

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
class Target:
    """A policy's mutants, and the cases to try them on.

    `build` makes of a program what the cases are judged with, such as a `Policy`; it can be
    pickled. `reach` gives by the id of a mutant the names of the cases that can notice it, in the
    order in which they are tried; mutants that are not in it are tried on all cases. `kept` are the
    verdicts of earlier hunts; new ones are added and saved.
    """

    found: MutantSet
    cases: tuple[Case, ...]
    build: Callable[[Program], Any]
    reach: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kept: KeptVerdicts | None = None


@dataclass(frozen=True, slots=True)
class Hunt:
    """What became of all mutants of a policy, in their order."""

    found: MutantSet
    fates: tuple[Fate, ...]


class FailingCases(PolicycError):
    """Cases fail on the policy itself, so they tell nothing about its mutants."""

    def __init__(self, names: Sequence[str]) -> None:
        listed = "".join(f"\n  {name}" for name in names)
        super().__init__(f"cases that fail, or take too long, on the policy itself:{listed}")
        self.names = tuple(names)


def hunt(
    targets: Sequence[Target],
    passes: Callable[[Any, Any], bool],
    *,
    workers: int | None = None,
    seconds: float = SECONDS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Hunt, ...]:
    """Run each mutant on its cases.

    Args:
        targets: policies with their mutants and cases.
        passes: whether a case passes, given what `build` made and the case; it can be pickled.
        workers: processes, at most; by default one for each processor. 0 for none but this one,
            where nothing limits the time.
        seconds: the time for one mutant on all its cases.
        progress: called with the number of mutants that are decided, and of all.

    Raises:
        FailingCases: cases fail on the policy itself.
        WorkerError: a case could not be run.
        ValueError: two cases of a target have the same name.
    """
    for target in targets:
        names = [case.name for case in target.cases]
        if len(set(names)) < len(names):
            raise ValueError("the names of cases are unique")
    number = (os.cpu_count() or 1) if workers is None else workers
    subjects = tuple((target.found, target.cases, target.build) for target in targets)
    start = partial(_Trials, subjects, passes)
    with _Hunter(targets, start, number, seconds) as hunter:
        try:
            hunter.check_unchanged()
            return hunter.run(progress or _ignore)
        finally:
            for target in targets:
                if target.kept is not None:
                    target.kept.save()


def _ignore(done: int, total: int) -> None:
    """Progress that nobody wants to see."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A mutant of a target to be tried on some cases, all by their numbers; the mutant None is the
    policy itself."""

    target: int
    mutant: int | None
    cases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """How many cases were tried, and whether the last of them failed."""

    tried: int
    has_failed: bool


class _Trials:
    """Tries mutants on cases: the function of the processes."""

    def __init__(
        self,
        subjects: tuple[tuple[MutantSet, tuple[Case, ...], Callable[[Program], Any]], ...],
        passes: Callable[[Any, Any], bool],
    ) -> None:
        self.subjects = subjects
        self.passes = passes
        self.programs: dict[int, MutantPrograms] = {}

    def __call__(self, task: _Task) -> _Answer:
        found, cases, build = self.subjects[task.target]
        programs = self.programs.get(task.target)
        if programs is None:
            programs = self.programs[task.target] = MutantPrograms(found.plan)
        mutant = task.mutant
        policy = build(programs.unchanged if mutant is None else programs.of(found.mutants[mutant]))
        for tried, case in enumerate(task.cases, 1):
            if not self.passes(policy, cases[case]):
                return _Answer(tried, has_failed=True)
        return _Answer(len(task.cases), has_failed=False)


class _Hunter:
    """Decides which mutants have to be tried on which cases, and what follows from the answers."""

    def __init__(
        self,
        targets: Sequence[Target],
        start: Callable[[], Callable[[_Task], _Answer]],
        workers: int,
        seconds: float,
    ) -> None:
        self.targets = targets
        self.start = start
        self.workers = Workers(start, workers, seconds) if workers else None

    def __enter__(self) -> _Hunter:
        return self

    def __exit__(self, *_: object) -> None:
        if self.workers is not None:
            self.workers.__exit__()

    def check_unchanged(self) -> None:
        """Raise `FailingCases` where cases fail on the policy itself."""
        tasks = [
            _Task(number, None, (case,))
            for number, target in enumerate(self.targets)
            for case in range(len(target.cases))
            if not self._known(target, _UNCHANGED, case)
        ]
        failing: list[_Task] = []
        for task, answer in self._answers(tasks):
            if isinstance(answer, NoAnswer) or answer.has_failed:
                failing.append(task)
            else:
                self._keep(self.targets[task.target], _UNCHANGED, task.cases[0], passes=True)
        if failing:
            failing.sort(key=lambda task: (task.target, task.cases))
            raise FailingCases([self.targets[x.target].cases[x.cases[0]].name for x in failing])

    def run(self, progress: Callable[[int, int], None]) -> tuple[Hunt, ...]:
        fates: dict[tuple[int, int], Fate] = {}
        tasks: list[_Task] = []
        for number, target in enumerate(self.targets):
            for at, mutant in enumerate(target.found.mutants):
                known = self._decided(target, mutant)
                if isinstance(known, Fate):
                    fates[number, at] = known
                else:
                    tasks.append(_Task(number, at, known))
        total = len(fates) + len(tasks)
        progress(len(fates), total)
        for task, answer in self._answers(tasks):
            assert task.mutant is not None  # noqa: S101  # the policy itself is no mutant
            fates[task.target, task.mutant] = self._fate(task, answer)
            progress(len(fates), total)
        return tuple(
            Hunt(target.found, tuple(fates[number, at] for at in range(len(target.found.mutants))))
            for number, target in enumerate(self.targets)
        )

    def _decided(self, target: Target, mutant: Mutant) -> Fate | tuple[int, ...]:
        """What is known of a mutant, else the cases that it has to be tried on."""
        numbers = {case.name: number for number, case in enumerate(target.cases)}
        names = target.reach.get(mutant.id)
        chosen = [*numbers.values()] if names is None else [numbers[name] for name in names]
        if not chosen:
            return Fate(mutant, Verdict.NOT_REACHED)
        left: list[int] = []
        for number in chosen:
            passes = self._known(target, mutant.id, number)
            if passes is None:
                left.append(number)
            elif not passes:
                if not left:
                    return Fate(mutant, Verdict.KILLED, target.cases[number].name)
                # The cases before it decide by which one it is killed.
                left.append(number)
                break
        return tuple(left) or Fate(mutant, Verdict.SURVIVED)

    def _fate(self, task: _Task, answer: _Answer | NoAnswer) -> Fate:
        target = self.targets[task.target]
        assert task.mutant is not None  # noqa: S101  # the policy itself is no mutant
        mutant = target.found.mutants[task.mutant]
        if isinstance(answer, NoAnswer):
            return Fate(mutant, Verdict.TIMEOUT)
        tried = task.cases[: answer.tried]
        for number in tried[:-1]:
            self._keep(target, mutant.id, number, passes=True)
        self._keep(target, mutant.id, tried[-1], passes=not answer.has_failed)
        if answer.has_failed:
            return Fate(mutant, Verdict.KILLED, target.cases[tried[-1]].name)
        return Fate(mutant, Verdict.SURVIVED)

    def _answers(self, tasks: Sequence[_Task]) -> Iterator[tuple[_Task, _Answer | NoAnswer]]:
        if self.workers is not None:
            for number, answer in self.workers.run(tasks):
                yield tasks[number], answer
        elif tasks:
            run = self.start()
            for task in tasks:
                yield task, run(task)

    def _known(self, target: Target, mutant: str, case: int) -> bool | None:
        return None if target.kept is None else target.kept.get(mutant, target.cases[case].digest)

    def _keep(self, target: Target, mutant: str, case: int, *, passes: bool) -> None:
        if target.kept is not None:
            target.kept.add(mutant, target.cases[case].digest, passes=passes)
