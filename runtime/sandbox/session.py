"""A shell or a Python that lives on between commands: its variables, its folder, its functions.

A small program in the sandbox reads texts that end with NUL and runs each as a whole, so that what
was judged is what runs. After each it writes a mark on both streams: a word that nobody knows
before, and the exit code. What runs there could write such a mark as well; all that it gains is
that its output counts as that of the next command, where it is judged all the same.
"""

from __future__ import annotations

import time
from contextlib import suppress
from secrets import token_hex
from threading import Thread
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.execution import End, Execution
from policyc.runtime.sandbox.failures import SandboxError, SandboxLost

if TYPE_CHECKING:
    import threading

    from policyc.runtime.sandbox.provider import Process, Provider

SHELL: Final = (
    "bash",
    "--noprofile",
    "--norc",
    "-c",
    'while IFS= read -r -d "" __mark && IFS= read -r -d "" __text; do '
    'eval "$__text" </dev/null; '
    'printf "\\n%s %d\\n" "$__mark" "$?"; printf "\\n%s\\n" "$__mark" >&2; done',
)

PYTHON: Final = (
    "python3",
    "-u",
    "-c",
    """
import ast, sys, traceback
def read():
    text = b""
    while (byte := stream.read(1)) != b"\\0":
        if not byte:
            sys.exit()
        text += byte
    return text.decode("utf-8", "surrogateescape")
stream = sys.stdin.buffer
space = {"__name__": "__main__"}
while True:
    mark, text, code = read(), read(), 0
    try:
        tree = ast.parse(text, "<cell>")
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        exec(compile(tree, "<cell>", "exec"), space)
        if last is not None:
            value = eval(compile(last, "<cell>", "eval"), space)
            if value is not None:
                print(repr(value))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        inner = error.__traceback__ and error.__traceback__.tb_next
        traceback.print_exception(type(error), error, inner)
        code = 1
    sys.stdout.flush()
    print(f"\\n{mark} {code & 255}", flush=True)
    print(f"\\n{mark}", file=sys.stderr, flush=True)
""",
)

_TICK: Final = 0.1
_DIGITS: Final = 3
"""Of an exit code."""


class _Stream:
    """What was written on one stream, up to a mark and after it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.mark = b""
        self.at = -1
        """Where the mark begins; -1 until it is there."""

    def begin(self, mark: bytes) -> None:
        """A command begins. What others wrote since the last one comes first."""
        self.mark, self.at = mark, -1

    def add(self, data: bytes) -> None:
        """What was written next."""
        start = max(0, len(self.data) - len(self.mark))
        self.data += data
        if self.at < 0:
            self.at = self.data.find(self.mark, start)

    @property
    def is_ended(self) -> bool:
        """Whether the mark and what is beside it are there."""
        return self.at >= 0 and self.data.find(b"\n", self.at + 1) >= 0

    def take(self) -> tuple[bytes, list[bytes]]:
        """What stands before the mark, and the words of its line; all there is without a mark."""
        at = self.at if self.at >= 0 else len(self.data)
        end = self.data.find(b"\n", at + 1) + 1 or len(self.data)
        taken, line = bytes(self.data[:at]), bytes(self.data[at:end])
        del self.data[:end]
        return taken, line.split()


def _write(process: Process, data: bytes) -> None:
    with suppress(OSError, SandboxError):  # it does not read any more, so its streams end
        process.write(data)


class Session:
    """One such program in a sandbox. One command at a time."""

    def __init__(self, provider: Provider, sandbox: str, argv: tuple[str, ...]) -> None:
        self._provider = provider
        self._sandbox = sandbox
        self._argv = argv
        self._process: Process | None = None
        self._streams: dict[str, _Stream] = {}

    def run(
        self,
        text: str,
        *,
        seconds: float,
        output: int,
        cancelled: threading.Event | None = None,
    ) -> Execution:
        """Run a text to its end. A command that ends the program, takes too long or writes too much
        ends the session; the next one begins another.

        Args:
            text: a script, or a cell.
            seconds: that it may take.
            output: bytes that it may write.
            cancelled: set by whoever does not want it any more.
        """
        begin = time.monotonic()
        if self._process is None:
            self._process = self._provider.start_process(self._sandbox, self._argv)
            self._streams = {"stdout": _Stream(), "stderr": _Stream()}
        end = self._exchange(text, begin + seconds, output, cancelled)
        out, words = self._streams["stdout"].take()
        err, _ = self._streams["stderr"].take()
        if end is None:
            end = End.EXITED
            said = words[1] if len(words) > 1 else b""
            code = int(said) if said.isdigit() and len(said) <= _DIGITS else None
        else:
            code = self._ended(kill=end is not End.EXITED)
        return Execution(
            out[:output],
            err[: max(0, output - len(out))],
            end,
            code,
            truncated=end is End.OUTPUT,
            seconds=time.monotonic() - begin,
        )

    def _exchange(
        self, text: str, deadline: float, output: int, cancelled: threading.Event | None
    ) -> End | None:
        """Send a text and read until its end; None where the session goes on, else why not."""
        process = self._process
        assert process is not None  # noqa: S101  # begun by the caller
        mark = token_hex(16)
        for stream in self._streams.values():
            stream.begin(f"\n{mark}".encode())
        data = f"{mark}\0{text}\0".encode("utf-8", "surrogateescape")
        # In a thread: a command may have stopped the program, so that it never reads.
        Thread(target=_write, args=(process, data), daemon=True).start()
        while not all(stream.is_ended for stream in self._streams.values()):
            if cancelled is not None and cancelled.is_set():
                return End.CANCELLED
            if time.monotonic() > deadline:
                return End.TIMEOUT
            try:
                chunk = process.read(_TICK)
            except TimeoutError:
                continue
            if chunk is None:
                return End.EXITED
            self._streams[chunk.stream].add(chunk.data)
            if sum(len(stream.data) for stream in self._streams.values()) > output + len(mark):
                return End.OUTPUT
        return None

    def _ended(self, *, kill: bool) -> int | None:
        """The session is over; the exit code of its program."""
        process, self._process = self._process, None
        if process is None:
            return None
        with process:
            if kill:
                self._provider.kill_processes(self._sandbox)
                return None
            try:
                finish = process.finish(_TICK * 50)
            except TimeoutError:
                self._provider.kill_processes(self._sandbox)
                return None
        if finish.lost:
            raise SandboxLost(finish.lost)
        return finish.exit_code

    def close(self) -> None:
        """End the program."""
        process, self._process = self._process, None
        if process is not None:
            with process, suppress(BrokenPipeError):
                process.close_input()
