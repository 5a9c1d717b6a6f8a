"""A process in an embedded sandbox, as the runner sees it."""

from __future__ import annotations

import os
import selectors
from typing import TYPE_CHECKING, Literal

from policyc.runtime.sandbox.embedded import cgroups, control
from policyc.runtime.sandbox.provider import Chunk, Finish, Process

if TYPE_CHECKING:
    import socket

_CHUNK = 65536


class EmbeddedProcess(Process):
    """Pipes to its streams, and a connection to the keeper that says how it ends.

    `groups` are the control groups of the sandbox, which know why it was killed.
    """

    def __init__(
        self,
        stdin: int,
        stdout: int,
        stderr: int,
        connection: socket.socket | None,
        groups: list[str],
        before: tuple[int, int],
    ) -> None:
        self._stdin = stdin
        self._connection = connection
        self._groups = groups
        self._before = before
        self._finish: Finish | None = None
        self._selector = selectors.DefaultSelector()
        names: dict[int, Literal["stdout", "stderr"]] = {stdout: "stdout", stderr: "stderr"}
        for stream, name in names.items():
            self._selector.register(stream, selectors.EVENT_READ, name)

    def write(self, data: bytes) -> None:
        if self._stdin < 0:
            raise BrokenPipeError("its standard input was closed")
        view = memoryview(data)
        while view:
            view = view[os.write(self._stdin, view) :]

    def close_input(self) -> None:
        stream, self._stdin = self._stdin, -1
        if stream >= 0:
            os.close(stream)

    def read(self, timeout: float | None) -> Chunk | None:
        while self._selector.get_map():
            ready = self._selector.select(timeout)
            if not ready:
                raise TimeoutError
            key = ready[0][0]
            data = os.read(key.fd, _CHUNK)
            if data:
                return Chunk(key.data, data)
            self._end_stream(key.fd)
        return None

    def finish(self, timeout: float) -> Finish:
        if self._finish is None:
            self._finish = self._wait(timeout)
        return self._finish

    def _wait(self, timeout: float) -> Finish:
        if self._connection is None:
            return Finish(exit_code=126, limit="processes")
        self._connection.settimeout(timeout)
        end = control.next_answer(self._connection)
        if end is None:
            return Finish(lost="the sandbox ended")
        kills, forks = cgroups.memory_kills(self._groups), cgroups.refused_forks(self._groups)
        limit = (
            "memory" if kills > self._before[0] else "processes" if forks > self._before[1] else ""
        )
        return Finish(exit_code=end.get("exit"), signal=end.get("signal"), limit=limit)

    def close(self) -> None:
        self.close_input()
        for stream in [key.fd for key in self._selector.get_map().values()]:
            self._end_stream(stream)
        self._selector.close()
        if self._connection is not None:
            self._connection.close()

    def _end_stream(self, stream: int) -> None:
        self._selector.unregister(stream)
        os.close(stream)
