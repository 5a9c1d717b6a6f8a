"""Processes that do jobs, each with a deadline: one that is over it is killed, and replaced.

A worker that hangs or dies costs the job that it had, and no other.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from multiprocessing import forkserver, get_context
from typing import TYPE_CHECKING, Final

from policyc.runtime.server.jobs import Append, Fault, Jobs, NeedsHistory

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from policyc.runtime.server.jobs import Answer, Job

SHARE: Final = 0.5
"""Of the workers, those that the jobs of one owner may have at the same time."""

HOME_SECONDS: Final = 0.25
"""How long a job waits for the worker that has its session, before another one is fed the events of
the session."""

LAST_SECONDS: Final = 2.0
"""After its deadline a worker that nobody killed, because the server is gone, ends itself."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """The job was not done by its deadline, in seconds; its worker was ended."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Busy:
    """There was no worker for the job within so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Died:
    """The worker ended by itself while it did the job: for want of memory, for instance."""

    reason: str


Failure = TooLate | Busy | Died


def prepare() -> None:
    """Start the process that workers are forked from: it is small, so that they are there at once,
    and has no threads or connections of this one.

    It is not ended by a signal that its whole group gets: the server ends it, after its last
    answer. Call it in the main thread.
    """
    get_context("forkserver").set_forkserver_preload(["policyc.runtime.server.jobs"])
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGTERM, before)


class _Worker:
    """A process and the pipe to it. `ask` belongs to one thread at a time. `ended`: sessions that
    it need not keep any longer."""

    def __init__(self, memory: int) -> None:
        context = get_context("forkserver")
        self.ended: list[str] = []
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, memory), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a job. One that has died has closed its end of the pipe."""
        return not self._pipe.closed and not self._pipe.poll(0)

    def ask(self, job: bytes, seconds: float) -> Answer | TooLate | Died:
        ended, self.ended = self.ended, []
        try:
            self._pipe.send_bytes(pickle.dumps((seconds, ended, job)))
            if not self._pipe.poll(seconds):
                self.kill()
                return TooLate(seconds)
            answer: Answer = pickle.loads(self._pipe.recv_bytes())  # noqa: S301  # our own process
        except (EOFError, OSError):
            self._process.join(1)
            self.kill()
            return Died(f"its process ended with {self._process.exitcode}")
        return answer

    def kill(self) -> None:
        """End it at once, with the programs that it started."""
        if self._process.is_alive() and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """Let it end by itself; kill it if it does not."""
        self._pipe.close()
        self._process.join(1)
        if self._process.is_alive():
            self.kill()


def _serve(pipe: Connection, memory: int) -> None:
    """The life of a worker: do jobs until the pipe is closed."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory(memory)
    jobs = Jobs()
    with suppress(EOFError, ConnectionError):
        is_last = False
        while not is_last:
            seconds, ended, data = pickle.loads(pipe.recv_bytes())  # noqa: S301  # from the server
            signal.setitimer(signal.ITIMER_REAL, seconds + LAST_SECONDS)
            for session in ended:
                jobs.forget(session)
            answer = jobs.do(pickle.loads(data))  # noqa: S301  # from the server
            is_last = isinstance(answer, Fault) and answer.is_last
            try:
                data = pickle.dumps(answer)
            except Exception as error:
                data = pickle.dumps(Fault(f"the answer cannot be sent: {error}"))
            pipe.send_bytes(data)
            signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(memory: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    # Not every system has it.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


class Workers:
    """At most so many processes; they are started when they are needed.

    `restarts`: how many were ended because of a deadline, or died.
    """

    def __init__(self, most: int, *, deadline: float, memory: int, wait: float = 30.0) -> None:
        """`wait`: seconds that a job waits for a worker."""
        self._most = most
        self._deadline = deadline
        self._memory = memory
        self._wait = wait
        self._idle: list[_Worker] = []
        self._changed = threading.Condition()
        self._free = asyncio.Semaphore(most)
        self._shares: dict[str, tuple[asyncio.Semaphore, int]] = {}
        self._homes: dict[str, _Worker] = {}
        self._threads = ThreadPoolExecutor(most, "policyc-worker")
        self.restarts = 0

    async def do(self, job: Job, *, owner: str, seconds: float | None = None) -> Answer | Failure:
        """The answer of a job, after waiting for a worker.

        Args:
            owner: who asks; the jobs of one owner never have all workers.
            seconds: how long the job may take, once it is begun; by default the deadline.
        """
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._wait):
                    await held.enter_async_context(_Share(self, owner))
                    await held.enter_async_context(self._free)
            except TimeoutError:
                return Busy(self._wait)
            key = job.session if isinstance(job, Append) else None
            running = asyncio.get_running_loop().run_in_executor(
                self._threads, self._ask, job, key, seconds or self._deadline
            )
            # A client that goes away must not leave a worker between two jobs.
            return await asyncio.shield(running)

    def _ask(self, job: Job, key: str | None, seconds: float) -> Answer | TooLate | Died:
        data = pickle.dumps(job)
        worker = self._take(key)
        answer = worker.ask(data, seconds)
        if isinstance(answer, Fault) and answer.is_last:
            worker.close()
        with self._changed:
            if isinstance(answer, TooLate | Died) or (isinstance(answer, Fault) and answer.is_last):
                self._lose(worker)
            else:
                self._idle.append(worker)
                if key is not None and not isinstance(answer, NeedsHistory):
                    self._homes[key] = worker
            self._changed.notify_all()
        return answer

    def _lose(self, worker: _Worker) -> None:
        self.restarts += 1
        self._homes = {x: one for x, one in self._homes.items() if one is not worker}

    def _take(self, key: str | None) -> _Worker:
        """An idle worker: the one that knows the session, or another, or a new one."""
        with self._changed:
            worker = self._idle_one(key)
            while worker is not None and not worker.is_idle:
                self._lose(worker)
                worker = self._idle_one(key)
        return worker or _Worker(self._memory)

    def _idle_one(self, key: str | None) -> _Worker | None:
        if key is None:
            return self._idle.pop() if self._idle else None
        home = self._homes.get(key)
        if home is not None:
            self._changed.wait_for(
                lambda: home in self._idle or self._homes.get(key) is not home, HOME_SECONDS
            )
        if home not in self._idle:
            sessions = Counter(self._homes.values())
            home = min(self._idle, key=lambda one: sessions[one], default=None)
        if home is not None:
            self._idle.remove(home)
        return home

    def forget(self, session: str) -> None:
        """Drop what is noted of a session; its worker does so before its next job."""
        with self._changed:
            home = self._homes.pop(session, None)
            if home is not None:
                home.ended.append(session)

    def warm(self) -> None:
        """Start a worker, so that the first client need not wait for it."""
        worker = _Worker(self._memory)
        with self._changed:
            self._idle.append(worker)

    def close(self) -> None:
        """End all workers; none of them has a job any more."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._changed:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()


class _Share:
    """Waits until an owner may have another worker."""

    def __init__(self, workers: Workers, owner: str) -> None:
        self._shares = workers._shares
        self._most = max(1, int(workers._most * SHARE))
        self._owner = owner

    async def __aenter__(self) -> None:
        semaphore, users = self._shares.get(self._owner) or (asyncio.Semaphore(self._most), 0)
        self._shares[self._owner] = (semaphore, users + 1)
        try:
            await semaphore.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._shares[self._owner][0].release()
        self._leave()

    def _leave(self) -> None:
        semaphore, users = self._shares[self._owner]
        if users == 1:
            del self._shares[self._owner]
        else:
            self._shares[self._owner] = (semaphore, users - 1)
