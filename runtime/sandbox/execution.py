"""Running one command to its end: its output within bounds, its deadline, and how it ended."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from threading import Thread
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.captured import Captured
from policyc.runtime.sandbox.failures import SandboxAbsent, SandboxError, SandboxLost
from policyc.runtime.sandbox.provider import Finish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from threading import Event

    from policyc.runtime.sandbox.provider import Chunk, Process, Provider

_TICK_SECONDS: Final = 0.1
"""How late a cancellation or a deadline may be noticed."""
_ASK_SECONDS: Final = (0.1, 0.25, 0.5, 1.0)
"""Between questions whether it has ended while something else holds its streams open."""
_DRAIN_SECONDS: Final = 1.0
_QUIET_SECONDS: Final = 0.1
_WRITE_SECONDS: Final = 5.0
_PIECE: Final = 64 * 1024


class End(StrEnum):
    """How a command ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMEOUT = "timeout"
    MEMORY = "limit:memory"
    PROCESSES = "limit:processes"
    DISK = "limit:disk"
    OUTPUT = "limit:output"
    LOST_SANDBOX = "lost:sandbox"
    LOST_PROVIDER = "lost:provider"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Execution:
    """What a command did.

    `exit_code` is None unless it exited; `signal` is the number of the signal that ended it. Where
    it reached a limit, and ended by itself all the same, `end` is the limit. `truncated`: it wrote
    more than it may, so it was killed and the middle of its output dropped.
    """

    stdout: bytes
    stderr: bytes
    end: End
    exit_code: int | None = None
    signal: int | None = None
    truncated: bool = False
    seconds: float = 0.0


def run(
    provider: Provider,
    sandbox: str,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    seconds: float,
    output: int,
    on_chunk: Callable[[Chunk], None] | None = None,
    cancelled: Event | None = None,
    environment: Mapping[str, str] | None = None,
    keep_background: bool = False,
) -> Execution:
    """Run a command to its end, and kill whatever it left behind.

    Args:
        seconds: it may take; then it is killed.
        output: bytes that it may write, both streams together; beyond, it is killed.
        on_chunk: is told what it writes as it comes, up to `output` bytes. If it raises, the
            command is killed and the exception goes on.
        cancelled: the command is killed when this is set.
        environment: variables besides those of the sandbox.
        keep_background: processes that it left run on. What they write is lost.

    Raises:
        SandboxError: it could not be started. Once it runs nothing is raised: see `End`.
    """
    began = time.monotonic()
    process = provider.start_process(sandbox, argv, environment)
    one = _Run(process, Captured(output), began + seconds, on_chunk, cancelled)
    try:
        finish = one.to_the_end(stdin)
    except BaseException:
        one.let_go()
        with suppress(SandboxError):
            provider.kill_processes(sandbox)
        raise
    one.let_go()
    end, code, signal = _told(finish)
    if isinstance(finish, End) or not keep_background:
        try:
            provider.kill_processes(sandbox)
        except (SandboxAbsent, SandboxLost):
            pass  # nothing is left of it
        except SandboxError:
            # It may still run, so it is not as good as ended.
            end = End.LOST_PROVIDER
    return Execution(
        stdout=one.captured.stdout,
        stderr=one.captured.stderr,
        end=end,
        exit_code=code,
        signal=signal,
        truncated=one.captured.is_over,
        seconds=time.monotonic() - began,
    )


def _told(finish: Finish | End) -> tuple[End, int | None, int | None]:
    """How it ended: what we did to it comes before a limit, and that before what it did itself."""
    if isinstance(finish, End):
        return finish, None, None
    if finish.limit:
        return End(f"limit:{finish.limit}"), finish.exit_code, finish.signal
    if finish.exit_code is not None:
        return End.EXITED, finish.exit_code, None
    if finish.signal is not None:
        return End.SIGNALLED, None, finish.signal
    return (End.LOST_PROVIDER if finish.lost == "provider" else End.LOST_SANDBOX), None, None


class _Run:
    """A command while it runs. Its streams are read until its end, or closed: never just left."""

    def __init__(
        self,
        process: Process,
        captured: Captured,
        deadline: float,
        on_chunk: Callable[[Chunk], None] | None,
        cancelled: Event | None,
    ) -> None:
        self.captured = captured
        self._process = process
        self._deadline = deadline
        self._on_chunk = on_chunk
        self._cancelled = cancelled
        self._writer: Thread | None = None

    def to_the_end(self, stdin: bytes) -> Finish | End:
        """How it ended, or why it must be killed now."""
        self._give(stdin)
        asked, pauses = time.monotonic(), iter(_ASK_SECONDS)
        pause = next(pauses)
        while True:
            if (ours := self._our_end()) is not None:
                return ours
            try:
                chunk = self._process.read(self._tick())
            except TimeoutError:
                pass
            else:
                if chunk is None:
                    return self._ended()
                self._take(chunk)
            if time.monotonic() - asked > pause:
                with suppress(TimeoutError):
                    return self._drained(self._finish(0))
                asked, pause = time.monotonic(), next(pauses, pause)

    def let_go(self) -> None:
        """Close its streams, and end the thread that writes to it."""
        self._process.close()
        if self._writer is not None:
            self._writer.join(_WRITE_SECONDS)

    def _our_end(self) -> End | None:
        if self.captured.is_over:
            return End.OUTPUT
        if self._cancelled is not None and self._cancelled.is_set():
            return End.CANCELLED
        return End.TIMEOUT if time.monotonic() >= self._deadline else None

    def _tick(self) -> float:
        return max(0.0, min(_TICK_SECONDS, self._deadline - time.monotonic()))

    def _ended(self) -> Finish | End:
        """How it ended; it may have closed its streams long before that."""
        while True:
            with suppress(TimeoutError):
                return self._finish(self._tick())
            if (ours := self._our_end()) is not None:
                return ours

    def _finish(self, seconds: float) -> Finish:
        try:
            return self._process.finish(seconds)
        except SandboxError:
            return Finish(lost="provider")

    def _drained(self, finish: Finish) -> Finish | End:
        """How it ended, when what it wrote until then is read. Others still hold its streams."""
        end = time.monotonic() + _DRAIN_SECONDS
        with suppress(TimeoutError):
            while time.monotonic() < end:
                chunk = self._process.read(_QUIET_SECONDS)
                if chunk is None:
                    break
                self._take(chunk)
                if self.captured.is_over:
                    return End.OUTPUT
        return finish

    def _take(self, chunk: Chunk) -> None:
        room = self.captured.room
        self.captured.add(chunk)
        if self._on_chunk is not None and room:
            self._on_chunk(chunk._replace(data=chunk.data[:room]))

    def _give(self, stdin: bytes) -> None:
        """Write its standard input, in a thread: it may write a lot before it reads."""
        if not stdin:
            self._process.close_input()
            return
        self._writer = Thread(target=self._write, args=(stdin,), daemon=True)
        self._writer.start()

    def _write(self, stdin: bytes) -> None:
        with suppress(OSError, SandboxError):  # it does not want all of it
            for start in range(0, len(stdin), _PIECE):
                self._process.write(stdin[start : start + _PIECE])
            self._process.close_input()
