"""Ports of a sandbox that are served on this machine.

A sandbox has no network, so nothing is published: a reserved port of the loopback is listened on
here, and each connection to it is carried by a process in the sandbox, whose standard input and
output are the two directions. When one side has no more to say, that is passed on, and the other
direction stays open.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from policyc.runtime.ports import DEFAULT_RANGE, reserve_port
from policyc.runtime.sandbox.failures import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.ports import Port
    from policyc.runtime.sandbox.provider import Chunk, Process

MOST_CONNECTIONS: Final = 64
"""At once, for a port; more are closed at once."""

IDLE_SECONDS: Final = 3600.0
"""A connection on which nothing is said for so long is closed."""

CONNECT_SECONDS: Final = 10.0
"""For the relay to reach the port in the sandbox."""

HOST: Final = "127.0.0.1"

_PIECE: Final = 65536
_TRIES: Final = 20
_WRITE_SECONDS: Final = 5.0
_TICK: Final = 0.25
"""How late the end of a connection may be noticed, in seconds."""

_RELAY: Final = """\
import os, socket, sys, threading
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), float(sys.argv[2]))
s.settimeout(None)
def send():
    try:
        while data := os.read(0, 65536):
            s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
threading.Thread(target=send, daemon=True).start()
try:
    while data := s.recv(65536):
        while data:
            data = data[os.write(1, data):]
except OSError:
    sys.exit(1)
"""


def relay_command(port: int) -> list[str]:
    """The command that connects its standard input and output with a port in its sandbox. It needs
    `python3` there."""
    return ["python3", "-c", _RELAY, str(port), f"{CONNECT_SECONDS:g}"]


class ForwardedPort:
    """A port of a sandbox, served on the loopback of this machine until it is closed. A context
    manager.

    Args:
        relay: starts `relay_command` in the sandbox; it is called for each connection. That the
            port may be opened was decided before: nothing is judged here.
        ports: of which a free one is taken.
        most: connections at once.
        on_failure: told why a connection could not be carried.

    Raises:
        PortsExhausted: no port is free.
    """

    def __init__(
        self,
        relay: Callable[[], Process],
        *,
        ports: range = DEFAULT_RANGE,
        most: int = MOST_CONNECTIONS,
        idle_seconds: float = IDLE_SECONDS,
        on_failure: Callable[[str], None] | None = None,
    ) -> None:
        self._relay = relay
        self._most = most
        self._idle_seconds = idle_seconds
        self._on_failure = on_failure or (lambda _reason: None)
        self._lock = threading.Lock()
        self._connections: set[_Connection] = set()
        self._is_open = True
        self._port, self._listener = _listen(ports)
        self._thread = threading.Thread(target=self._accept, name="sandbox-port", daemon=True)
        self._thread.start()

    @property
    def number(self) -> int:
        """The port on this machine."""
        return self._port.number

    @property
    def url(self) -> str:
        """Its address, as of a web server."""
        return f"http://{HOST}:{self.number}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Serve it no more, and end its connections; again is no error."""
        with self._lock:
            self._is_open = False
            left = list(self._connections)
        # Only this wakes up who waits for a connection.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in left:
            one.end()
        if self._thread is not threading.current_thread():
            self._thread.join()
        for one in left:
            one.join()
        self._port.release()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                if not self._is_open:
                    return
                continue  # the client is gone already
            with self._lock:
                is_welcome = self._is_open and len(self._connections) < self._most
                if is_welcome:
                    connection = _Connection(client, self)
                    self._connections.add(connection)
            if is_welcome:
                connection.start()
                continue
            client.close()
            if self._is_open:
                self._on_failure(f"there are {self._most} connections already")

    def open_relay(self) -> Process:
        """For a connection: the process that carries it."""
        return self._relay()

    def ended(self, connection: _Connection, reason: str) -> None:
        """A connection is over; `reason` says why, where it failed."""
        with self._lock:
            self._connections.discard(connection)
        if reason and self._is_open:
            self._on_failure(reason)

    @property
    def idle_seconds(self) -> float:
        """After which a silent connection is closed."""
        return self._idle_seconds


class _Connection:
    """A connection of a client, and the process that carries it: a thread for each direction."""

    def __init__(self, client: socket.socket, port: ForwardedPort) -> None:
        self._client = client
        self._port = port
        self._is_ended = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="sandbox-relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def end(self) -> None:
        """Both directions find the connection closed, also if the sandbox says nothing."""
        self._is_ended.set()
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def _carry(self) -> None:
        reason = ""
        try:
            self._client.settimeout(self._port.idle_seconds)
            with self._port.open_relay() as process:
                sender = threading.Thread(target=self._send, args=(process,), daemon=True)
                sender.start()
                reason = self._receive(process)
                self.end()
            sender.join(_WRITE_SECONDS)  # it may wait for a server that does not read
        except (SandboxError, OSError) as error:
            reason = str(error)
        finally:
            self._client.close()
            self._port.ended(self, reason)

    def _send(self, process: Process) -> None:
        """From the client to the sandbox, until one of them has enough."""
        with suppress(OSError, SandboxError):
            while data := self._client.recv(_PIECE):
                process.write(data)
        with suppress(OSError, SandboxError):
            process.close_input()

    def _receive(self, process: Process) -> str:
        """From the sandbox to the client, until one of them has enough; why it failed, if so."""
        said = b""
        has_answered = False
        while (chunk := self._next(process)) is not None:
            if chunk.stream == "stderr":
                said = (said + chunk.data)[-500:]
                continue
            has_answered = True
            self._client.sendall(chunk.data)
        if not said or has_answered:
            return ""
        return said.decode(errors="replace").strip().rpartition("\n")[2]

    def _next(self, process: Process) -> Chunk | None:
        """What the sandbox says next; None where either side has ended."""
        end = time.monotonic() + self._port.idle_seconds
        while not self._is_ended.is_set():
            try:
                return process.read(min(_TICK, max(0.0, end - time.monotonic())))
            except TimeoutError:
                if time.monotonic() >= end:
                    raise
        return None


def _listen(ports: range) -> tuple[Port, socket.socket]:
    """A port that is reserved and listened on. Others, who do not reserve, may be faster."""
    for left in reversed(range(_TRIES)):
        port = reserve_port(ports)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # A port that served a moment ago may be taken again.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, port.number))
            listener.listen(MOST_CONNECTIONS)
        except OSError as error:
            listener.close()
            port.release()
            if not left:
                raise SandboxError(f"no port can be listened on: {error.strerror}") from None
        else:
            return port, listener
    raise AssertionError
