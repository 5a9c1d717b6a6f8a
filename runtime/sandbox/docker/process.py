"""A process in a container: its streams, and how it ended."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.failures import ProviderUnavailable
from policyc.runtime.sandbox.provider import Finish, Process

if TYPE_CHECKING:
    from policyc.runtime.sandbox.docker.cgroup import Counters
    from policyc.runtime.sandbox.docker.connection import Connection
    from policyc.runtime.sandbox.docker.events import Events, Watch
    from policyc.runtime.sandbox.docker.stream import Stream
    from policyc.runtime.sandbox.provider import Chunk

_FIRST_SIGNAL: Final = 128
_SIGNALS: Final = frozenset(signal.Signals) - {signal.SIGRTMIN, signal.SIGRTMAX}

_EVENT_SECONDS: Final = 0.2
"""To wait for the engine to tell that a process ended, before it is asked."""
_PAUSE_SECONDS: Final = 0.5
_CAUSE_SECONDS: Final = 0.4
"""Why a process was killed is told a little later than that it was."""

_NOT_STARTED: Final = (b"OCI runtime exec failed", b"failed to create task", b"cannot exec")


class DockerProcess(Process):
    """A process that was started with the engine's `exec`."""

    def __init__(
        self,
        connection: Connection,
        events: Events,
        watch: Watch,
        stream: Stream,
        counters: Counters | None,
    ) -> None:
        self._connection = connection
        self._events = events
        self._watch = watch
        self._stream = stream
        self._counters = counters
        self._is_first = True
        self._finish: Finish | None = None

    def write(self, data: bytes) -> None:
        self._stream.write(data)

    def close_input(self) -> None:
        self._stream.end_input()

    def read(self, timeout: float | None) -> Chunk | None:
        chunk = self._stream.read(timeout)
        if chunk is not None and self._is_first:
            self._is_first = False
            if chunk.data.startswith(_NOT_STARTED) and self._never_started():
                return chunk._replace(stream="stderr")
        return chunk

    def finish(self, timeout: float) -> Finish:
        if self._finish is None:
            self._finish = self._classified(self._ended(time.monotonic() + timeout))
        return self._finish

    def close(self) -> None:
        self._events.forget(self._watch)
        self._stream.close()

    def _ended(self, end: float) -> Finish:
        """How the process ended, without the cause.

        Raises:
            TimeoutError: it has not until then.
        """
        watch = self._watch
        while True:
            watch.wait(min(_EVENT_SECONDS, max(0.0, end - time.monotonic())))
            if watch.exit_code is not None:
                return _finish(watch.exit_code)
            try:
                found = self._inspected()
            except ProviderUnavailable:
                return Finish(lost="provider")
            if found is None:
                return Finish(lost="provider" if self._sandbox_runs() else "sandbox")
            if not found["Running"] and found["ExitCode"] is not None:
                return _finish(found["ExitCode"])
            if time.monotonic() >= end:
                raise TimeoutError("the process has not ended")
            if watch.is_over:
                time.sleep(min(_PAUSE_SECONDS, max(0.0, end - time.monotonic())))

    def _classified(self, finish: Finish) -> Finish:
        """With the limit that it reached, or as lost where its sandbox ended below it."""
        watch = self._watch
        was_killed = finish.signal == signal.SIGKILL
        if was_killed and not watch.out_of_memory:
            watch.wait(_CAUSE_SECONDS, ended=True)
        if watch.out_of_memory:
            return replace(finish, limit="memory")
        if was_killed and (watch.container_ended or not self._sandbox_runs()):
            return Finish(lost="sandbox")
        if self._counters is not None and self._counters.forks_refused():
            return replace(finish, limit="processes")
        if finish.signal == signal.SIGXFSZ:
            return replace(finish, limit="disk")
        return finish

    def _inspected(self) -> dict[str, Any] | None:
        """What the engine knows of the process; None: nothing any more."""
        from docker.errors import NotFound  # noqa: PLC0415  # slow to load

        with self._connection.client() as client:
            try:
                found: dict[str, Any] = client.api.exec_inspect(self._watch.execution)
            except NotFound:
                return None
            return found

    def _sandbox_runs(self) -> bool:
        """Whether the container runs; where nobody can tell it is taken to."""
        from docker.errors import NotFound  # noqa: PLC0415  # slow to load

        try:
            with self._connection.client() as client:
                try:
                    state = client.api.inspect_container(self._watch.container)["State"]
                except NotFound:
                    return False
                return bool(state["Running"])
        except ProviderUnavailable:
            return True

    def _never_started(self) -> bool:
        found = self._inspected()
        return found is not None and not found["Pid"]


def _finish(code: int) -> Finish:
    """The engine tells of a process that a signal ended as shells do."""
    number = code - _FIRST_SIGNAL
    if number in _SIGNALS:
        return Finish(signal=number)
    return Finish(exit_code=code)
