"""Running cases in processes of their own, so that one that hangs or dies is a result like others.

A worker takes one case at a time and says how far it is: begun (the policy is loaded; its time
counts from now), judged, explained. One that is over its time is ended and another takes its place.
Results come in the order of the tasks, whichever worker was faster.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal

from policyc.runtime.engine import Engine
from policyc.runtime.loading import loader
from policyc.runtime.parallel import uninterrupted
from policyc.runtime.testing.outcomes import CaseResult, Outcome, Stopped
from policyc.runtime.testing.running import explained, judge

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from multiprocessing.context import ForkContext, SpawnContext

    from policyc.runtime.program import Program
    from policyc.runtime.testing.cases import Case
    from policyc.runtime.testing.running import Observer

SECONDS: Final = 10.0
"""The time that a case may take if nothing else is said."""

_START_SECONDS = 120.0
"""Time for a new process to load a policy, on a machine that is busy."""

_REASON_SECONDS = 60.0
"""Time for the explanations of a case that does not hold; without them it is reported as well."""

Stage = Literal["begun", "judged", "explained"]


@dataclass(frozen=True, slots=True)
class Task:
    """A case to run, with the number of its program."""

    program: int
    case: Case


def run_tasks(
    tasks: Sequence[Task],
    programs: Sequence[Program],
    *,
    workers: int = 1,
    seconds: float = SECONDS,
    observer: Observer | None = None,
) -> Generator[CaseResult]:
    """The result of each task, in their order.

    Args:
        tasks: what to run. programs: compiled policies. workers: processes at the same time.
        seconds: for a case that has no timeout of its own. observer: looks at each case, in its
        process; its time does not count.
    """
    waiting = deque(enumerate(tasks))
    done: dict[int, CaseResult] = {}
    team: list[_Worker] = []
    following = 0
    try:
        for _ in range(min(workers, len(tasks))):
            # Ctrl-C must not come between a process and the list of those that have to be ended.
            with uninterrupted(spawning=False):
                team.append(_Worker(programs, seconds, observer))
        while following < len(tasks):
            for worker in team:
                if worker.number is None and waiting:
                    worker.give(*waiting.popleft())
            for number, result in _finished(team):
                done[number] = result
            while following in done:
                yield done.pop(following)
                following += 1
    finally:
        for worker in team:
            worker.end()


def _finished(team: Sequence[_Worker]) -> Iterator[tuple[int, CaseResult]]:
    """Wait until a worker says something or is over its time; the results that this gives."""
    busy = {worker.connection: worker for worker in team if worker.number is not None}
    first = min(worker.deadline for worker in busy.values())
    wait(list(busy), max(0.0, first - monotonic()))
    for worker in busy.values():
        number = worker.number
        result = worker.look()
        if result is not None and number is not None:
            yield number, result


def _context() -> ForkContext | SpawnContext:
    """A copy of this process is there at once. Where it has threads the copy could be broken."""
    with suppress(OSError):
        if sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1:
            return get_context("fork")
    return get_context("spawn")


class _Worker:
    """A process, and the task that it is at (`number`: its place in the order)."""

    def __init__(
        self, programs: Sequence[Program], seconds: float, observer: Observer | None
    ) -> None:
        self._programs = programs
        self._seconds = seconds
        self._observer = observer
        self.number: int | None = None
        self._start()

    def _start(self) -> None:
        context = _context()
        self.connection, theirs = context.Pipe()
        arguments = (theirs, self.connection, self._observer, list(sys.path))
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        with uninterrupted(spawning=context.get_start_method() == "spawn"):
            self._process.start()
        theirs.close()
        self._known: set[int] = set()
        self.deadline = 0.0
        self._stage: Stage | None = None
        self._judged: CaseResult | None = None

    def give(self, number: int, task: Task) -> None:
        self.number, self._task = number, task
        self._stage = self._judged = None
        self.deadline = monotonic() + _START_SECONDS
        program = None if task.program in self._known else self._programs[task.program]
        self._known.add(task.program)
        try:
            self.connection.send((task.program, program, task.case))
        except OSError:
            return  # it died meanwhile; `look` finds out

    def look(self) -> CaseResult | None:
        """The result of the task if there is one now."""
        try:
            while self.number is not None and self.connection.poll():
                result = self._hear(*self.connection.recv())
                if result is not None:
                    return self._finish(result)
        except (EOFError, OSError):
            return self._replace(self._died())
        if self.number is not None and monotonic() >= self.deadline:
            return self._replace(self._late())
        return None

    def _hear(self, stage: Stage, result: CaseResult | None) -> CaseResult | None:
        self._stage = stage
        if stage == "begun":
            self.deadline = monotonic() + (self._task.case.timeout or self._seconds)
        elif stage == "judged":
            self._judged = result
            self.deadline = monotonic() + _REASON_SECONDS
        return result if stage == "explained" else None

    def _finish(self, result: CaseResult) -> CaseResult:
        self.number = None
        return result

    def _died(self) -> CaseResult:
        self._process.join(5)
        code = self._process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return self._stopped(f"the process that ran the case died ({how})")

    def _late(self) -> CaseResult:
        limit = self._task.case.timeout or self._seconds
        return self._stopped(f"the case took longer than its time of {limit:g} s")

    def _stopped(self, reason: str) -> CaseResult:
        if self._judged is not None:
            return self._judged
        if self._stage is None:
            reason = "no process came up in which the case could be run"
        outcome = Outcome.BROKEN if self._stage is None else Outcome.FAILED
        return CaseResult(self._task.case, outcome, (Stopped(reason),))

    def _replace(self, result: CaseResult) -> CaseResult:
        self.end()
        self._start()
        return self._finish(result)

    def end(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.join()
        self._process.close()


# --- in the other process -------------------------------------------------------------------------


def _serve(
    connection: Connection, others: Connection, observer: Observer | None, path: list[str]
) -> None:
    """Take tasks until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this process ends it
    others.close()  # else the other side would seem to be there for ever
    sys.path[:] = path
    engines: dict[int, Engine] = {}
    while True:
        try:
            number, program, case = connection.recv()
        except EOFError:
            return
        try:
            if program is not None:
                engines[number] = Engine(program, loader(None))
            for message in _stages(engines[number], case, observer):
                connection.send(message)
        except Exception as error:  # whatever it is, it is told beside the case
            reason = f"policyc itself failed: {type(error).__name__}: {error}"
            broken = CaseResult(case, Outcome.BROKEN, (Stopped(reason),))
            connection.send(("explained", broken))


def _stages(engine: Engine, case: Case, observer: Observer | None) -> Iterator[Any]:
    yield "begun", None
    result = judge(engine, case)
    yield "judged", result
    result = explained(engine, result)
    if observer is not None:
        result = replace(result, observed=observer(engine, case))
    yield "explained", result
