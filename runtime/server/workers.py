"""Processes that do jobs, each with a deadline: one that is over it is killed, and replaced.

A worker that hangs or dies costs the job that it had, and no other.
"""

from __future__ import annotations

import asyncio
import pickle
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

from policyc.runtime.server.jobs import Append, Fault, Forget, Jobs, NeedsHistory

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from policyc.runtime.server.jobs import Answer, Job

SHARE: Final = 0.5
"""Of the workers, those that the jobs of one owner may have at the same time."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """The job was not done by its deadline, in seconds; its worker was ended."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Died:
    """The worker ended by itself while it did the job: for want of memory, for instance."""

    reason: str


class _Worker:
    """A process and the pipe to it. `ask` belongs to one thread at a time."""

    def __init__(self, memory: int) -> None:
        # A process that is forked from a small one is there at once, and has no threads or
        # connections of this one.
        context = get_context("forkserver")
        context.set_forkserver_preload(["policyc.runtime.server.jobs"])
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, memory), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def ask(self, job: bytes, seconds: float) -> Answer | TooLate | Died:
        try:
            self._pipe.send_bytes(job)
            if not self._pipe.poll(seconds):
                self.kill()
                return TooLate(seconds)
            answer: Answer = pickle.loads(self._pipe.recv_bytes())  # noqa: S301  # our own process
        except (EOFError, OSError):
            self.kill()
            return Died(f"its process ended with {self._process.exitcode}")
        return answer

    def kill(self) -> None:
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    jobs = Jobs()
    with suppress(EOFError, ConnectionError):
        while True:
            job: Job = pickle.loads(pipe.recv_bytes())  # noqa: S301  # from the server
            answer = jobs.do(job)
            try:
                data = pickle.dumps(answer)
            except Exception as error:
                data = pickle.dumps(Fault(f"the answer cannot be sent: {error}"))
            pipe.send_bytes(data)


class Workers:
    """At most so many processes; they are started when they are needed.

    `restarts`: how many were ended because of a deadline, or died.
    """

    def __init__(self, most: int, *, deadline: float, memory: int) -> None:
        self._most = most
        self._deadline = deadline
        self._memory = memory
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._free = asyncio.Semaphore(most)
        self._shares: dict[str, tuple[asyncio.Semaphore, int]] = {}
        self._homes: dict[str, _Worker] = {}
        self._threads = ThreadPoolExecutor(most, "policyc-worker")
        self.restarts = 0

    async def do(
        self, job: Job, *, owner: str, seconds: float | None = None
    ) -> Answer | TooLate | Died:
        """The answer of a job, after waiting for a worker.

        Args:
            owner: who asks; the jobs of one owner never have all workers.
            seconds: how long the job may take, once it is begun; by default the deadline.
        """
        async with _Share(self, owner), self._free:
            data = pickle.dumps(job)
            key = job.session if isinstance(job, Append | Forget) else None
            running = asyncio.get_running_loop().run_in_executor(
                self._threads, self._ask, data, key, seconds or self._deadline
            )
            # A client that goes away must not leave a worker between two jobs.
            return await asyncio.shield(running)

    def _ask(self, data: bytes, key: str | None, seconds: float) -> Answer | TooLate | Died:
        worker = self._take(key)
        answer = worker.ask(data, seconds)
        with self._lock:
            if isinstance(answer, TooLate | Died):
                self.restarts += 1
                self._homes = {x: one for x, one in self._homes.items() if one is not worker}
            else:
                self._idle.append(worker)
                if key is not None and not isinstance(answer, NeedsHistory):
                    self._homes[key] = worker
        return answer

    def _take(self, key: str | None) -> _Worker:
        """An idle worker: the one that knows the session, or another, or a new one."""
        with self._lock:
            home = None if key is None else self._homes.get(key)
            if home is not None and home in self._idle:
                self._idle.remove(home)
                worker: _Worker | None = home
            else:
                worker = self._idle.pop() if self._idle else None
        if worker is not None and worker.is_alive:
            return worker
        return _Worker(self._memory)

    def forget(self, session: str) -> None:
        """Drop what is noted of a session."""
        with self._lock:
            self._homes.pop(session, None)

    def warm(self) -> None:
        """Start a worker, so that the first client need not wait for it."""
        worker = _Worker(self._memory)
        with self._lock:
            self._idle.append(worker)

    def close(self) -> None:
        """End all workers; none of them has a job any more."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
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
