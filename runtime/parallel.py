"""The same work on many items by several processes, with the answers in the order of the items.

`in_order` takes items as they come and holds only a few of them, so that they may be more than fit
into memory. Each process has a pipe of its own and one item at a time: one that dies is noticed at
once and is an error, never a missing answer; when this process dies, they see the end of their
pipes and end too.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from contextlib import contextmanager, suppress
from itertools import chain, islice
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from multiprocessing.connection import Connection

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST_OPEN: Final = 4
"""Items for each process that are taken before the first of them is answered."""

_NONE: Final = -1
"""The number of the item that an idle process has."""


def cores() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    work: Callable[[Item], Answer], items: Iterable[Item], workers: int
) -> Generator[tuple[Item, Answer], None, None]:
    """Each item with what `work` answers on it.

    Args:
        work: is sent to each process once, pickled.
        items: `str()` of one says what it is, in errors.
        workers: how many processes. None is started for a single item, or where this is 1.

    Raises:
        BackendError: `work` cannot be pickled, or a process cannot be started, or died.
        Exception: what `work` raises, after all answers before it.
    """
    source = iter(items)
    first = list(islice(source, workers if workers > 1 else 0))
    if len(first) < 2:
        for item in chain(first, source):
            yield item, work(item)
        return
    with _Pool(work, len(first)) as pool:
        for item in chain(first, source):
            pool.give(item)
            yield from pool.ready()
        while pool.is_open:
            pool.collect()
            yield from pool.ready()


class _Pool(Generic[Item, Answer]):
    """Processes, the items that they have or are done with, and the answers not yet given out."""

    def __init__(self, work: Callable[[Item], Answer], workers: int) -> None:
        # All are started before the first is waited for, which takes an item once it is up.
        self._workers: list[_Worker] = []
        self._start(work, workers)
        self._items: dict[int, Item] = {}
        """Those not given out, by number."""
        self._answers: dict[int, tuple[bool, Any]] = {}
        self._given = 0
        self._out = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        for worker in self._workers:
            worker.end(in_peace=kind is None)

    def _start(self, work: Callable[[Item], Answer], workers: int) -> None:
        try:
            pickled = pickle.dumps(work)
        except Exception as error:  # whatever the parts of it say to that
            raise BackendError(f"this cannot be sent to other processes: {error}") from None
        try:
            for _ in range(workers):
                self._workers.append(_Worker(pickled))
        except BaseException:
            self.__exit__(BaseException)
            raise

    @property
    def is_open(self) -> bool:
        """Whether an answer has not been given out."""
        return bool(self._items)

    def give(self, item: Item) -> None:
        """Give an item to a process, once one has nothing to do and not too many are open."""
        worker = self._idle_worker()
        self._items[self._given] = item
        worker.number = self._given
        self._given += 1
        try:
            worker.pipe.send(item)
        except OSError:
            self._report_death(worker)
        while self._given - self._out >= MOST_OPEN * len(self._workers):
            if self._out in self._answers:
                return
            self.collect()

    def _idle_worker(self) -> _Worker:
        while True:
            for worker in self._workers:
                if worker.number == _NONE:
                    return worker
            self.collect()

    def collect(self) -> None:
        """Wait until at least one process has answered."""
        busy = {worker.pipe: worker for worker in self._workers if worker.number != _NONE}
        for pipe in wait(list(busy)):
            worker = busy[pipe]  # type: ignore[index]  # all of them are pipes
            try:
                self._answers[worker.number] = worker.pipe.recv()
            except (EOFError, OSError):
                self._report_death(worker)
            worker.number = _NONE

    def ready(self) -> Iterator[tuple[Item, Answer]]:
        """The answers that are next in order."""
        while self._out in self._answers:
            is_good, answer = self._answers.pop(self._out)
            item = self._items.pop(self._out)
            self._out += 1
            if not is_good:
                raise answer
            yield item, answer

    def _report_death(self, worker: _Worker) -> None:
        raise BackendError(f"{worker.fate()} while it worked on {self._items[worker.number]}")


@contextmanager
def uninterrupted(*, spawning: bool = True) -> Iterator[None]:
    """Ctrl-C has to wait, so that a new process is not hit before it ignores it. `spawning`: the
    process is made anew, not forked."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    if spawning:
        # It comes with the first of these; whoever starts it lets Ctrl-C through afterwards.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """A process, the pipe to it, and the number of the item that it has."""

    def __init__(self, work: bytes) -> None:
        # Forking would copy the pipes of other workers, and locks that threads hold at the moment.
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.number = _NONE
        self._process = context.Process(target=_serve, args=(work, theirs), daemon=True)
        try:
            with uninterrupted():
                self._process.start()
        except OSError as error:
            raise BackendError(f"a worker process cannot be started: {error}") from None
        finally:
            theirs.close()

    def fate(self) -> str:
        """How the process ended, whose pipe is closed."""
        self._process.join()
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"a worker process ended with exit code {code}"
        with suppress(ValueError):
            name = signal.Signals(-code).name
            hint = ", perhaps for want of memory," if name == "SIGKILL" else ""
            return f"a worker process was ended by {name}{hint}"
        return f"a worker process was ended by signal {-code}"

    def end(self, *, in_peace: bool) -> None:
        self.pipe.close()
        if not in_peace:
            self._process.kill()
        self._process.join()
        self._process.close()


def _serve(pickled: bytes, pipe: Connection) -> None:
    """The life of a process: answer items until the pipe is closed."""
    # Ctrl-C reaches every process of a terminal; what becomes of this one the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work: Callable[[Any], Any] = pickle.loads(pickled)  # noqa: S301  # from the parent
    with suppress(EOFError, ConnectionError):
        while True:
            item = pipe.recv()
            try:
                answer = (True, work(item))
            except Exception as error:
                error.add_note(traceback.format_exc())
                answer = (False, error)
            pipe.send(answer)
