"""Processes that do jobs, each with a deadline: one that is over it is killed, and replaced.

A worker that hangs or dies costs the job that it had, and no other.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
import signal
import socket
import struct
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from multiprocessing import forkserver, get_context
from typing import TYPE_CHECKING, Final

from policyc.runtime.server.jobs import Append, Fault, Jobs, NeedsHistory

if TYPE_CHECKING:
    from io import BufferedRWPair

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

_SIZE = struct.Struct("!Q")
"""Before each message of a worker and to it: its size."""


def prepare() -> None:
    """Start the process that workers are forked from: it is small, so that they are there at once,
    and has no threads or connections of this one.

    It is not ended by a signal that its whole group gets: the server ends it, after its last
    answer. Call it in the main thread.
    """
    get_context("forkserver").set_forkserver_preload(["policyc.runtime.server.preloaded"])
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGTERM, before)


class _Worker:
    """A process and the connection to it. It does one job at a time. `ended`: sessions that it need
    not keep any longer."""

    def __init__(self, memory: int) -> None:
        self.ended: list[str] = []
        self._socket, theirs = socket.socketpair()
        self._process = get_context("forkserver").Process(
            target=_serve, args=(theirs, memory), daemon=True
        )
        self._process.start()
        theirs.close()

    @classmethod
    async def start(cls, memory: int) -> _Worker:
        made = await asyncio.to_thread(cls, memory)
        made._reader, made._writer = await asyncio.open_connection(
            sock=made._socket, limit=1024 * 1024
        )
        return made

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a job. One that has died has closed its end of the connection."""
        return not self._reader.at_eof()

    async def ask(self, job: Job, seconds: float) -> Answer | TooLate | Died:
        ended, self.ended = self.ended, []
        data = pickle.dumps((seconds, ended, job))
        try:
            async with asyncio.timeout(seconds):
                self._writer.writelines((_SIZE.pack(len(data)), data))
                await self._writer.drain()
                size = _SIZE.unpack(await self._reader.readexactly(_SIZE.size))[0]
                answer: Answer = pickle.loads(await self._reader.readexactly(size))  # noqa: S301
        except TimeoutError:
            await asyncio.to_thread(self.kill)
            return TooLate(seconds)
        except (asyncio.IncompleteReadError, OSError):
            await asyncio.to_thread(self._process.join, 1)
            await asyncio.to_thread(self.kill)
            return Died(f"its process ended with {self._process.exitcode}")
        except BaseException:
            # Nobody waits for the answer: it must not become that of the next job.
            self.kill()
            raise
        return answer

    def release(self) -> None:
        """Give up the connection."""
        self._writer.close()

    def kill(self) -> None:
        """End it at once, with the programs that it started."""
        if self._process.is_alive() and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()

    async def close(self) -> None:
        """Let it end by itself; kill it if it does not."""
        self.release()
        await asyncio.to_thread(self._process.join, 1)
        if self._process.is_alive():
            await asyncio.to_thread(self.kill)


def _serve(connection: socket.socket, memory: int) -> None:
    """The life of a worker: do jobs until the connection is closed."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory(memory)
    with suppress(ConnectionError), connection, connection.makefile("rwb") as pipe:
        _do_jobs(pipe)


def _do_jobs(pipe: BufferedRWPair) -> None:
    jobs = Jobs()
    is_last = False
    while not is_last and len(head := pipe.read(_SIZE.size)) == _SIZE.size:
        seconds, ended, job = pickle.loads(pipe.read(*_SIZE.unpack(head)))  # noqa: S301  # the server's
        signal.setitimer(signal.ITIMER_REAL, seconds + LAST_SECONDS)
        for session in ended:
            jobs.forget(session)
        answer = jobs.do(job)
        is_last = isinstance(answer, Fault) and answer.is_last
        try:
            data = pickle.dumps(answer)
        except Exception as error:
            data = pickle.dumps(Fault(f"the answer cannot be sent: {error}"))
        pipe.write(_SIZE.pack(len(data)) + data)
        pipe.flush()
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(memory: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    # Not every system has it.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


class Workers:
    """At most so many processes; they are started when they are needed. All of it belongs to one
    event loop.

    `restarts`: how many were ended because of a deadline, or died.
    """

    def __init__(self, most: int, *, deadline: float, memory: int, wait: float = 30.0) -> None:
        """`wait`: seconds that a job waits for a worker."""
        self._most = most
        self._deadline = deadline
        self._memory = memory
        self._wait = wait
        self._idle: list[_Worker] = []
        self._free = asyncio.Semaphore(most)
        self._shares: dict[str, tuple[asyncio.Semaphore, int]] = {}
        self._homes: dict[str, _Worker] = {}
        self._changed = asyncio.Event()
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
            worker = await self._take(key)
            is_lost = True
            try:
                answer = await worker.ask(job, seconds or self._deadline)
                is_lost = isinstance(answer, TooLate | Died)
                if isinstance(answer, Fault) and answer.is_last:
                    await worker.close()
                    is_lost = True
            finally:
                if is_lost:
                    self._lose(worker)
                else:
                    self._idle.append(worker)
                self._tell_change()
            if key is not None and not is_lost and not isinstance(answer, NeedsHistory):
                self._homes[key] = worker
            return answer

    def _lose(self, worker: _Worker) -> None:
        worker.release()
        self.restarts += 1
        self._homes = {x: one for x, one in self._homes.items() if one is not worker}

    def _tell_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _take(self, key: str | None) -> _Worker:
        """An idle worker: the one that knows the session, or another, or a new one."""
        home = None if key is None else self._homes.get(key)
        if home is not None:
            await self._wait_for(home)
        while self._idle:
            worker = self._chosen(key)
            self._idle.remove(worker)
            if worker.is_idle:
                return worker
            self._lose(worker)
        return await _Worker.start(self._memory)

    async def _wait_for(self, home: _Worker) -> None:
        """Wait until a worker is idle or gone, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HOME_SECONDS):
                while home not in self._idle and home in self._homes.values():
                    await self._changed.wait()

    def _chosen(self, key: str | None) -> _Worker:
        """The idle worker for a session, or for any job."""
        if key is None:
            # The one that was used last: what it has compiled is most likely what is needed.
            return self._idle[-1]
        home = self._homes.get(key)
        if home is not None and home in self._idle:
            return home
        sessions = Counter(self._homes.values())
        return min(self._idle, key=lambda one: sessions[one])

    def forget(self, session: str) -> None:
        """Drop what is noted of a session; its worker does so before its next job."""
        home = self._homes.pop(session, None)
        if home is not None:
            home.ended.append(session)

    async def warm(self) -> None:
        """Start a worker, so that the first client need not wait for it."""
        self._idle.append(await _Worker.start(self._memory))

    async def close(self) -> None:
        """End all workers; none of them has a job any more."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(worker.close() for worker in idle))


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
