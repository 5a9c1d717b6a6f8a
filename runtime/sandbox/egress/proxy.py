"""The proxy of one sandbox: the only way out of it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Self

from policyc.runtime.sandbox.egress.addresses import look_up
from policyc.runtime.sandbox.egress.allowance import Allowance
from policyc.runtime.sandbox.egress.checks import Checks
from policyc.runtime.sandbox.egress.connection import Connection
from policyc.runtime.sandbox.egress.folder import SOCKET, prepare
from policyc.runtime.sandbox.egress.limits import EgressLimits
from policyc.runtime.sandbox.egress.names import AllowList
from policyc.runtime.sandbox.egress.records import Refused, Rule

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from policyc.runtime.sandbox.egress.checks import Judge, Resolver
    from policyc.runtime.sandbox.egress.records import EgressRecord

URL: Final = "http://127.0.0.1:3128"
"""Where a sandbox finds the proxy, once `forward.py` runs in it."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "http_proxy": URL,
    "https_proxy": URL,
    "HTTP_PROXY": URL,
    "HTTPS_PROXY": URL,
    "no_proxy": "localhost,127.0.0.1,::1",
    "NO_PROXY": "localhost,127.0.0.1,::1",
}
"""What tells programs in the sandbox of the proxy."""


_PAUSE: Final = 0.5
"""Until connections are accepted again where that failed, in seconds."""


class EgressProxy:
    """Serves `proxy.sock` in a folder that the sandbox sees, in a thread of its own.

    Use it as a context manager. What is not allowed is refused, and so is all that cannot be
    judged, looked up or written down.

    Args:
        folder: of this sandbox alone; it is made, and seen read-only in the sandbox. The script
            `forward.py` is written into it.
        allow_hosts: names as in `AllowList`.
        judge: is asked about each request that is on the list, from several threads; an exception
            and an answer too late refuse it.
        log: is given a record for each request at its end, from one thread. Once it fails, all
            that follows is refused.
        resolver: addresses of a name and port; the system's if None.
        limits: of this proxy.
        allow_private: names, written as in `allow_hosts`, that may have private addresses, for a
            service of one's own.

    Raises:
        InvalidSpec: a name is no name.
        SandboxError: on entry: the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        allow_hosts: Sequence[str],
        judge: Judge,
        *,
        log: Callable[[EgressRecord], None],
        resolver: Resolver | None = None,
        limits: EgressLimits | None = None,
        allow_private: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self._allowed = AllowList(allow_hosts)
        self._private = AllowList(allow_private)
        self._judge = judge
        self._log = log
        self._resolver = resolver or look_up
        self._limits = limits or EgressLimits()
        self._allowance = Allowance(self._limits.total_bytes)
        self._records: SimpleQueue[EgressRecord | None] = SimpleQueue()
        self._numbers = 0
        self._connections: set[asyncio.Task[None]] = set()
        self._stop: Callable[[], object] | None = None
        self._threads: tuple[threading.Thread, ...] = ()

    def __enter__(self) -> Self:
        listener = prepare(self.folder)
        ready: Future[Callable[[], object]] = Future()
        serving = threading.Thread(
            target=self._run, args=(listener, ready), name="policyc-egress", daemon=True
        )
        logging = threading.Thread(target=self._write_log, name="policyc-egress-log", daemon=True)
        for thread in (serving, logging):
            thread.start()
        self._stop = ready.result()
        self._threads = (serving, logging)
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut all connections and end; returns when the last record is written. May be repeated."""
        stop, self._stop = self._stop, None
        if stop is None:
            return
        stop()
        serving, logging = self._threads
        serving.join()
        self._records.put(None)
        logging.join()
        (self.folder / SOCKET).unlink(missing_ok=True)

    def _run(self, listener: socket.socket, ready: Future[Callable[[], object]]) -> None:
        try:
            asyncio.run(self._serve(listener, ready))
        except BaseException as error:  # raised where it is waited for
            if not ready.done():
                ready.set_exception(error)

    async def _serve(self, listener: socket.socket, ready: Future[Callable[[], object]]) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        checks = Checks(self._allowed, self._judge, self._resolver, self._private, self._limits)
        with listener:
            self._listen(listener, checks)
            ready.set_result(lambda: loop.call_soon_threadsafe(stopped.set))
            await stopped.wait()
            loop.remove_reader(listener)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _listen(self, listener: socket.socket, checks: Checks) -> None:
        """Serve each connection in a task of its own, from now on."""
        loop = asyncio.get_running_loop()

        def accept() -> None:
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError:  # this process has too many files open: others may close theirs
                loop.remove_reader(listener)
                loop.call_later(_PAUSE, self._listen, listener, checks)
                return
            is_full = len(self._connections) >= self._limits.connections
            task = loop.create_task(self._serve_one(client, checks, is_full=is_full))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            task.add_done_callback(lambda _task: client.close())

        if listener.fileno() >= 0:
            loop.add_reader(listener, accept)

    async def _serve_one(self, client: socket.socket, checks: Checks, *, is_full: bool) -> None:
        self._numbers += 1
        client.setblocking(False)
        connection = Connection(
            self._numbers,
            await asyncio.open_unix_connection(sock=client),
            checks,
            self._limits,
            allowance=self._allowance,
            log=self._records.put,
        )
        if is_full:
            await connection.turn_away(
                Refused(Rule.LIMIT, f"more than {self._limits.connections} connections", 503)
            )
        else:
            await connection.serve()

    def _write_log(self) -> None:
        while (record := self._records.get()) is not None:
            try:
                self._log(record)
            except Exception as error:  # nothing passes without being written down
                self._allowance.closed = f"{type(error).__name__}: {error}"
