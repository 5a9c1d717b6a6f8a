"""Tasks in processes of their own, each with a limit to its time.

A task that takes too long is ended with its process, and another process goes on with the next one:
no thread and no signal ends code that is busy inside a library. A process that dies is replaced in
the same way. Which process does what has no influence on what comes out.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from dataclasses import dataclass
from multiprocessing.connection import wait
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.parallel import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

T = TypeVar("T")
R = TypeVar("R")


class WorkerError(PolicycError):
    """A task, or what is made for all of them, failed in a way that nobody foresaw."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """What comes of a task that took too long, or whose process died."""


WORTH_A_PROCESS = 25
"""Tasks for which it is worth to start another process."""

_CONTEXT = multiprocessing.get_context("spawn")
"""A fork would copy whatever threads and locks the host has."""


class Workers(Generic[T, R]):
    """Processes that carry out tasks. Use it in a `with` statement: at its end none is left.

    `make` gives the function of the tasks; it is called once in each process, and what it needs is
    sent there (so it can be pickled). `seconds` is the time for one task.
    """

    def __init__(self, make: Callable[[], Callable[[T], R]], number: int, seconds: float) -> None:
        self.make = make
        self.number = number
        self.seconds = seconds
        self.idle: list[_Worker] = []
        self.busy: list[_Worker] = []

    def __enter__(self) -> Workers[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self.idle, *self.busy):
            worker.end()

    def run(self, tasks: Sequence[T]) -> Iterator[tuple[int, R | NoAnswer]]:
        """The number of each task and its answer, as they come.

        Raises:
            WorkerError: a task failed.
        """
        waiting = list(range(len(tasks)))
        waiting.reverse()
        most = min(self.number, 1 + len(tasks) // WORTH_A_PROCESS)
        while waiting and len(self.idle) < most:
            self._add_worker()
        while waiting or self.busy:
            while waiting and len(self.busy) < most:
                self._begin(waiting.pop(), tasks)
            soonest = min(worker.deadline for worker in self.busy)
            ready = wait([x.connection for x in self.busy], max(0.0, soonest - monotonic()))
            for worker in list(self.busy):
                if worker.connection not in ready and monotonic() < worker.deadline:
                    continue
                answer = worker.answer() if worker.connection in ready else NoAnswer()
                self.busy.remove(worker)
                if isinstance(answer, NoAnswer):
                    worker.end()
                else:
                    self.idle.append(worker)
                yield worker.task, answer

    def _add_worker(self) -> None:
        # Ctrl-C must not come between a process and the list of those that have to be ended.
        with uninterrupted():
            self.idle.append(_Worker(self.make))

    def _begin(self, number: int, tasks: Sequence[T]) -> None:
        """Give a task to a process that has none."""
        if not self.idle:
            self._add_worker()
        worker = self.idle.pop()
        self.busy.append(worker)
        if not worker.begin(number, tasks[number], self.seconds):
            # It died while it had nothing to do: the task is not to blame.
            self.busy.remove(worker)
            worker.end()
            self._begin(number, tasks)


class _Worker:
    """A process, as seen from outside."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self.connection, other = _CONTEXT.Pipe()
        self.process: SpawnProcess = _CONTEXT.Process(target=_work, args=(other, make), daemon=True)
        with uninterrupted():
            self.process.start()
        other.close()
        self.task = -1
        self.deadline = 0.0
        self.is_ready = False

    def begin(self, number: int, task: Any, seconds: float) -> bool:
        """Give it a task; its time begins when the process is ready for one. False: it is dead.

        Raises:
            WorkerError: it did not come up.
        """
        if not self.is_ready:
            if isinstance(self.answer(), NoAnswer):
                raise WorkerError("no process came up to carry out tasks")
            self.is_ready = True
        self.task = number
        self.deadline = monotonic() + seconds
        try:
            self.connection.send(task)
        except OSError:
            return False
        return True

    def answer(self) -> Any:
        """What it says, as soon as it says something.

        Raises:
            WorkerError: it failed.
        """
        try:
            is_good, value = self.connection.recv()
        except (EOFError, OSError):
            return NoAnswer()
        if not is_good:
            raise WorkerError(value)
        return value

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def _work(connection: Connection, make: Callable[[], Callable[[Any], Any]]) -> None:
    """The life of a process: one task after the other until nobody is there to ask."""
    # Ctrl-C reaches every process of the terminal; the one that asks ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        function = make()
        connection.send((True, None))
        while True:
            connection.send((True, function(connection.recv())))
    except (EOFError, BrokenPipeError):
        pass
    except Exception:
        connection.send((False, traceback.format_exc()))
