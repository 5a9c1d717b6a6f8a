"""The bytes of a process in a container: a connection to the engine that was upgraded to a stream.

What the process reads is sent as it is. What it writes comes in frames: eight bytes that say which
of its two streams and how much, then that. Whoever has such a stream reads it or closes it: engines
up to 20.10 wait for a reader for ever, with everything else that is asked of the container.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from contextlib import suppress
from typing import Any, Final, Literal

from policyc.runtime.containers.engine import EngineError, address, dial, unreachable
from policyc.runtime.sandbox.provider import Chunk

MOST: Final = 64 * 1024
"""Bytes of a piece."""

_HEADER: Final = struct.Struct(">BxxxL")
_STDOUT: Final = 1
_LONGEST_HEAD: Final = 64 * 1024


class Stream:
    """One thread at a time reads; another may write or close."""

    def __init__(self, connection: socket.socket, first: bytes) -> None:
        self._socket = connection
        self._socket.settimeout(None)
        self._buffer = bytearray(first)
        self._left = 0
        self._kind: Literal["stdout", "stderr"] = "stdout"
        self._at_end = False
        self._closed = False

    def write(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            BrokenPipeError: it is not taken any more.
        """
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise BrokenPipeError(f"the process does not read any more: {error}") from None

    def end_input(self) -> None:
        """There is nothing more to be read for the process."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def read(self, timeout: float | None) -> Chunk | None:
        """The next piece; None at the end.

        Raises:
            TimeoutError: there was nothing for so long.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            piece = self._piece()
            if piece is not None:
                return piece
            if self._at_end or self._closed:
                return None
            self._fill(None if end is None else max(0.0, end - time.monotonic()))

    def close(self) -> None:
        """Let go of it, also where another thread is about to read or write."""
        if self._closed:
            return
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _piece(self) -> Chunk | None:
        while not self._left:
            if len(self._buffer) < _HEADER.size:
                return None
            number, self._left = _HEADER.unpack_from(self._buffer)
            self._kind = "stdout" if number == _STDOUT else "stderr"
            del self._buffer[: _HEADER.size]
        if not self._buffer:
            return None
        size = min(self._left, MOST)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._left -= len(data)
        return Chunk(self._kind, data)

    def _fill(self, timeout: float | None) -> None:
        try:
            waiting = select.poll()
            waiting.register(self._socket, select.POLLIN)
            if not waiting.poll(None if timeout is None else timeout * 1000):
                raise TimeoutError("the process wrote nothing")
            data = self._socket.recv(MOST)
        except TimeoutError:
            raise
        except (OSError, ValueError):  # closed by another thread, or the engine is gone
            data = b""
        self._at_end = not data
        self._buffer += data


def started(client: Any, exec_id: str, seconds: float) -> Stream:
    """Start a process that was prepared, and have its stream. The library's own way loses what the
    engine sends along with its answer.

    Raises:
        EngineError: the engine refuses, or does not answer within `seconds`.
    """
    if str(client.api.base_url).startswith("https:"):
        raise EngineError(
            f"the container engine at {address()} is spoken to with TLS, which the commands of a "
            "sandbox are not: name its socket, as unix:///var/run/docker.sock"
        )
    body = json.dumps({"Detach": False, "Tty": False})
    head = (
        f"POST /v{client.api.api_version}/exec/{exec_id}/start HTTP/1.1\r\nHost: engine\r\n"
        "Content-Type: application/json\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection = dial()
    try:
        connection.settimeout(seconds)
        connection.sendall((head + body).encode())
        answer, rest = _head(connection)
        if answer.split(" ", 2)[1] not in ("101", "200"):
            raise EngineError(f"the container engine refused: {_reason(answer, rest)}")
    except OSError as error:
        connection.close()
        raise unreachable(error) from None
    except BaseException:
        connection.close()
        raise
    return Stream(connection, rest)


def _head(connection: socket.socket) -> tuple[str, bytes]:
    """The first line of the engine's answer, and what came behind its head."""
    told = b""
    while b"\r\n\r\n" not in told:
        more = connection.recv(4096)
        if not more or len(told) > _LONGEST_HEAD:
            raise EngineError("the container engine closed the connection instead of an answer")
        told += more
    head, _, rest = told.partition(b"\r\n\r\n")
    return head.split(b"\r\n", 1)[0].decode("latin-1"), rest


def _reason(answer: str, rest: bytes) -> str:
    try:
        return str(json.loads(rest)["message"]).strip()
    except (ValueError, KeyError, TypeError):
        return answer
