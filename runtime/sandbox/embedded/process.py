"""A process in an embedded sandbox, as the runner sees it."""

from __future__ import annotations

import os
import select
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

from policyc.runtime.sandbox.embedded import cgroups, control
from policyc.runtime.sandbox.provider import Chunk, Finish, Process

if TYPE_CHECKING:
    import socket

_CHUNK: Final = 65536
_LOOK_MILLISECONDS: Final = 50


class EmbeddedProcess(Process):
    """Pipes to its streams, and a connection to the keeper that says how it ends.

    `connection` is None for one that could not be started because there are too many processes.
    `groups` are the control groups of the sandbox, which know of limits that were reached; `before`
    is what they knew when it was started.
    """

    def __init__(
        self,
        streams: tuple[int, int, int],
        connection: socket.socket | None,
        groups: list[str],
        before: cgroups.Reached,
    ) -> None:
        self._stdin, stdout, stderr = streams
        self._writing = Lock()
        self._connection = connection
        self._groups = groups
        self._before = before
        self._finish: Finish | None = None
        os.set_blocking(self._stdin, False)
        self._streams: dict[int, Literal["stdout", "stderr"]] = {stdout: "stdout", stderr: "stderr"}
        self._readable = select.poll()
        for stream in self._streams:
            self._readable.register(stream, select.POLLIN)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            with self._writing:
                stream = self._stdin
                if stream < 0:
                    raise BrokenPipeError("its standard input was closed")
                try:
                    view = view[os.write(stream, view) :]
                    continue
                except BlockingIOError:
                    pass
            waiting = select.poll()
            waiting.register(stream, select.POLLOUT)
            waiting.poll(_LOOK_MILLISECONDS)  # and not for ever: another thread may close it

    def close_input(self) -> None:
        with self._writing:
            stream, self._stdin = self._stdin, -1
            if stream >= 0:
                os.close(stream)

    def read(self, timeout: float | None) -> Chunk | None:
        while self._streams:
            ready = self._readable.poll(None if timeout is None else ceil(timeout * 1000))
            if not ready:
                raise TimeoutError
            stream = ready[0][0]
            data = os.read(stream, _CHUNK)
            if data:
                return Chunk(self._streams[stream], data)
            self._end_stream(stream)
        return None

    def finish(self, timeout: float) -> Finish:
        if self._finish is None:
            self._finish = self._wait(timeout)
        return self._finish

    def close(self) -> None:
        self.close_input()
        for stream in list(self._streams):
            self._end_stream(stream)
        if self._connection is not None:
            self._connection.close()

    def _wait(self, timeout: float) -> Finish:
        if self._connection is None:
            return Finish(exit_code=126, limit="processes")
        self._connection.settimeout(timeout)
        try:
            end = control.next_answer(self._connection)
        except BlockingIOError:  # as a timeout of 0 says it
            raise TimeoutError from None
        if end is None:
            return Finish(lost="sandbox")
        limit = cgroups.reached(self._groups).limit_since(self._before)
        return Finish(exit_code=end.get("exit"), signal=end.get("signal"), limit=limit)

    def _end_stream(self, stream: int) -> None:
        del self._streams[stream]
        self._readable.unregister(stream)
        os.close(stream)
