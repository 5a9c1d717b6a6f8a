"""What can be done in a sandbox, each through the gate: commands, code, files.

Operations on one sandbox happen one after the other, also those of several processes: a rule about
what came before must know what came before.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from filelock import FileLock, Timeout

from policyc.runtime.sandbox import files
from policyc.runtime.sandbox.commands import InvalidCommand, command_arguments, command_text
from policyc.runtime.sandbox.execution import End, Execution, run
from policyc.runtime.sandbox.failures import SandboxBusy, SandboxError, SandboxLost
from policyc.runtime.sandbox.files import FileFailed
from policyc.runtime.sandbox.gate import Refused, masked_text
from policyc.runtime.sandbox.hidden_secrets import HiddenSecrets
from policyc.runtime.sandbox.port_forwarding import ForwardedPort, relay_command
from policyc.runtime.sandbox.session import PYTHON, SHELL, Session
from policyc.runtime.sandbox.streaming import Streaming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from policyc.runtime.analyzers.risk import Decision
    from policyc.runtime.sandbox.gate import Call, Gate, Judged
    from policyc.runtime.sandbox.provider import Provider
    from policyc.runtime.sandbox.spec import SandboxSpec
    from policyc.runtime.sandbox.way_out import WayOut

BUSY_SECONDS: Final = 600.0
"""To wait for other operations on the same sandbox."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command gave, as far as the policy lets it be seen.

    `exit_code` is None unless it exited. `end` says how it ended, `decision` why its output may be
    seen. `redacted`: parts of the output are masked.
    """

    stdout: bytes
    stderr: bytes
    exit_code: int | None
    end: End
    signal: int | None
    truncated: bool
    redacted: bool
    seconds: float
    decision: Decision

    @property
    def text(self) -> str:
        """Standard output and error as one text."""
        return self.stdout.decode("utf-8", "replace") + self.stderr.decode("utf-8", "replace")


class Operations:
    """Operations on one sandbox; any number of threads may ask for them.

    Each raises `Refused` where the policy says no (before anything happened, or instead of handing
    out an output), `SandboxLost` where the sandbox is gone, `SandboxBusy` where others use it for
    too long, and another `SandboxError` where it could not be done.
    """

    def __init__(
        self,
        provider: Provider,
        sandbox: str,
        spec: SandboxSpec,
        gate: Gate,
        lock: Path,
        *,
        secrets: Callable[[], Mapping[str, str]],
        way_out: WayOut,
        in_use: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._provider = provider
        self._sandbox = sandbox
        self._spec = spec
        self._gate = gate
        self._way_out = way_out
        self._in_use = in_use
        self._secrets = secrets
        self._thread_lock = threading.Lock()
        self._file_lock = FileLock(lock, timeout=BUSY_SECONDS, mode=0o600)
        self._sessions: dict[str, Session] = {}
        self._ports: list[ForwardedPort] = []

    @property
    def spec(self) -> SandboxSpec:
        """What the sandbox is made of."""
        return self._spec

    # --- commands

    def exec(
        self,
        command: str,
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float | None = None,
        on_output: Callable[[Literal["stdout", "stderr"], bytes], None] | None = None,
        cancelled: threading.Event | None = None,
        tool: str = "bash",
    ) -> Result:
        """Run a command of the shell, to its end. What it leaves running is killed.

        Args:
            command: a script for bash.
            stdin: what it reads.
            cwd: the folder where it runs, the workspace by default.
            env: further variables.
            seconds: that it may take, at most as long as the specification says.
            on_output: takes output while the command runs, see `streaming`.
            cancelled: set by whoever does not want it any more.
            tool: what the call is named in the trace.
        """
        text = command_text(command, cwd, env)

        def execute(call: Call) -> Result:
            streaming = None
            if on_output is not None:
                show = lambda output: self._gate.may_show(call, output)  # noqa: E731
                streaming = Streaming(on_output, show, self._hidden)
            execution = self._run(
                ["bash", "-c", call.arguments["command"]],
                stdin=stdin,
                seconds=self._seconds(seconds),
                on_chunk=None if streaming is None else streaming.add,
                cancelled=cancelled,
            )
            result = self._result(call, execution)
            if streaming is not None:
                streaming.finish(result.stdout, result.stderr)
            return result

        return self._operate(tool, command_arguments(text, stdin), execute)

    def shell(
        self,
        command: str,
        *,
        seconds: float | None = None,
        cancelled: threading.Event | None = None,
        tool: str = "bash",
    ) -> Result:
        """Run a command in a shell that lives on: its folder, variables, functions and jobs are
        there for the next one. A command that ends the shell or is killed begins another."""
        text = command_text(command)
        return self._operate(
            tool,
            command_arguments(text, b""),
            lambda call: self._in_session(
                SHELL, call, call.arguments["command"], seconds, cancelled
            ),
        )

    def python(
        self,
        code: str,
        *,
        seconds: float | None = None,
        cancelled: threading.Event | None = None,
        tool: str = "python",
    ) -> Result:
        """Run a cell in a Python that lives on. The value of a last expression is printed."""
        if not code.strip() or "\0" in code:
            raise InvalidCommand("there is no code, or the character NUL in it")
        return self._operate(
            tool,
            {"code": code},
            lambda call: self._in_session(PYTHON, call, call.arguments["code"], seconds, cancelled),
        )

    # --- files

    def read_file(self, path: str) -> bytes:
        """The content of a file."""

        def execute(call: Call) -> bytes:
            execution = self._run([*files.READ, files.checked(path)], output=files.MAX_BYTES)
            return self._content(call, execution, path)

        return self._operate("read_file", {"path": path}, execute)

    def write_file(self, path: str, data: bytes) -> None:
        """Write a file, with the folders that it takes."""
        data = bytes(data)
        arguments = {"path": path, "content": files.shown(data)}
        self._operate("write_file", arguments, lambda call: self._write(call, path, data))

    def edit_file(self, path: str, old: str, new: str) -> None:
        """Replace a text that is in a file exactly once."""

        def execute(call: Call) -> None:
            read = self._run([*files.READ, files.checked(path)], output=files.MAX_BYTES)
            self._check(call, read, path)
            found = read.stdout.count(old.encode("utf-8", "surrogateescape")) if old else 0
            if found != 1:
                told = f"`{path}` has the text {found} times, not once: name more of it"
                self._handed_out(call, told)
                raise FileFailed(told)
            changed = read.stdout.replace(
                old.encode("utf-8", "surrogateescape"), new.encode("utf-8", "surrogateescape")
            )
            self._write(call, path, changed)

        self._operate("edit_file", {"path": path, "old_string": old, "new_string": new}, execute)

    def list_files(self, path: str = ".") -> list[str]:
        """What is in a folder: folders first, with `/` at their ends."""

        def execute(call: Call) -> list[str]:
            execution = self._run([*files.LIST, files.checked(path)], output=files.MAX_BYTES)
            self._check(call, execution, path)
            names = files.listed(self._hidden.hide(execution.stdout))
            self._handed_out(call, "\n".join(names), execution)
            return names

        return self._operate("list_files", {"path": path}, execute)

    def upload(self, source: str | Path, target: str) -> list[str]:
        """Copy a file or folder of this machine into a folder of the sandbox; what was left out,
        and why. Links are not followed."""
        packed = files.pack(Path(source))
        written = [str(PurePosixPath(target, name)) for name in packed.names]
        arguments = {"path": target, "files": written, "content": packed.text}

        def execute(call: Call) -> list[str]:
            argv = [*files.UNPACK, files.checked(target)]
            execution = self._run(argv, stdin=packed.archive)
            self._check(call, execution, target)
            self._handed_out(call, "", execution)
            return packed.skipped

        return self._operate("upload", arguments, execute)

    def download(self, source: str, target: str | Path) -> list[str]:
        """Copy a file or folder of the sandbox to a path of this machine where nothing is yet; what
        was left out, and why."""

        def execute(call: Call) -> list[str]:
            argv = [*files.PACK, *files.parted(source)]
            execution = self._run(argv, output=2 * files.MAX_BYTES)
            self._check(call, execution, source)
            found = files.unpack(execution.stdout, self._hidden.hide)
            self._handed_out(call, found.text, execution)
            files.save(found, Path(target))
            return found.skipped

        return self._operate("download", {"path": source}, execute)

    # --- ports

    def open_port(self, number: int) -> ForwardedPort:
        """Serve a port of the sandbox on the loopback of this machine, until what is returned is
        closed. That it is opened is judged; what goes through it is not.

        A server that shall live on between commands is started in `shell`.
        """

        def execute(call: Call) -> ForwardedPort:
            relay = relay_command(number)
            port = ForwardedPort(lambda: self._provider.start_process(self._sandbox, relay))
            try:
                self._handed_out(call, f"the port {number} is served at 127.0.0.1:{port.number}")
            except BaseException:
                port.close()
                raise
            self._ports.append(port)
            return port

        return self._operate("open_port", {"port": number}, execute)

    # --- the trace

    def observe(self, messages: Sequence[dict[str, Any]]) -> None:
        """Tell what was said: messages of the user, the system or the assistant, which rules may be
        about. Calls and outputs are not told but made."""
        with self._turn():
            self._gate.observe(messages)

    @property
    def trace(self) -> list[dict[str, Any]]:
        """All events, as the agent saw them: calls that were refused with what it was told."""
        return self._gate.trace.all

    @property
    def past(self) -> list[dict[str, Any]]:
        """The events that happened: what rules judge by."""
        return self._gate.trace.past

    # --- parts

    @cached_property
    def _hidden(self) -> HiddenSecrets:
        return HiddenSecrets(self._secrets())

    def _end_ports(self) -> None:
        while self._ports:
            self._ports.pop().close()

    def _end_sessions(self) -> None:
        while self._sessions:
            self._sessions.popitem()[1].close()

    def _operate(self, tool: str, arguments: dict[str, Any], execute: Callable[[Call], T]) -> T:
        with self._turn():
            _ = self._hidden  # nothing runs whose output could not be cleared of secrets
            call = self._gate.propose(tool, arguments)
            try:
                return execute(call)
            except BaseException as error:
                self._gate.abandon(call, self._told(error))
                raise

    def _told(self, error: BaseException) -> str:
        text = str(error) if isinstance(error, SandboxError) else type(error).__name__
        return self._hidden.hide(text.encode("utf-8", "replace")).decode("utf-8", "replace")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._thread_lock.acquire(timeout=BUSY_SECONDS):
            raise SandboxBusy(_busy(self._sandbox))
        try:
            with self._file_lock, self._in_use(), self._way_out.open():
                yield
        except Timeout:
            raise SandboxBusy(_busy(self._sandbox)) from None
        finally:
            self._thread_lock.release()

    def _seconds(self, asked: float | None) -> float:
        most = self._spec.resources.seconds
        return most if asked is None else min(most, asked)  # in this order: it may be NaN

    def _run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        seconds: float | None = None,
        output: int | None = None,
        **more: Any,
    ) -> Execution:
        execution = run(
            self._provider,
            self._sandbox,
            argv,
            stdin=stdin,
            seconds=self._seconds(seconds),
            output=self._spec.resources.output if output is None else output,
            keep_background=bool(self._sessions or self._ports),
            **more,
        )
        if execution.end not in (End.EXITED, End.SIGNALLED):
            self._end_sessions()  # everything in the sandbox was killed
        return execution

    def _in_session(
        self,
        argv: tuple[str, ...],
        call: Call,
        text: str,
        seconds: float | None,
        cancelled: threading.Event | None,
    ) -> Result:
        session = self._sessions.get(argv[0])
        if session is None:
            session = self._sessions[argv[0]] = Session(self._provider, self._sandbox, argv)
        execution = session.run(
            text,
            seconds=self._seconds(seconds),
            output=self._spec.resources.output,
            cancelled=cancelled,
        )
        return self._result(call, execution)

    def _result(self, call: Call, execution: Execution) -> Result:
        """What may be seen of an output.

        Raises:
            Refused: nothing.
        """
        stdout, stderr = map(self._hidden.hide, (execution.stdout, execution.stderr))
        # Apart: a character that begins in one and ends in the other would move all places.
        judged = self._judged(call, files.shown(stdout) + files.shown(stderr), execution)
        is_redacted = judged.release == "redacted"
        if is_redacted:
            stdout, stderr = _masked(stdout, stderr, judged)
        return Result(
            stdout,
            stderr,
            execution.exit_code,
            execution.end,
            execution.signal,
            execution.truncated,
            is_redacted,
            execution.seconds,
            judged.decision,
        )

    def _judged(
        self, call: Call, text: str, execution: Execution | None, *, may_redact: bool = True
    ) -> Judged:
        about = {}
        if execution is not None:
            about = {"end": execution.end.value, "exit_code": execution.exit_code}
        judged = self._gate.conclude(call, text, about=about, may_redact=may_redact)
        if judged.release == "withheld":
            raise Refused(judged.decision, "output", self._gate.trace.past)
        return judged

    def _handed_out(self, call: Call, text: str, execution: Execution | None = None) -> None:
        """Have something judged that is handed out as a whole or not at all."""
        self._judged(call, text, execution, may_redact=False)

    def _content(self, call: Call, execution: Execution, path: str) -> bytes:
        self._check(call, execution, path)
        return self._result(call, execution).stdout

    def _check(self, call: Call, execution: Execution, path: str) -> None:
        """Whether a helper process did what it should.

        Raises:
            SandboxLost, FileFailed: it did not.
        """
        if execution.end is End.EXITED and execution.exit_code == 0:
            return
        if execution.end in (End.LOST_SANDBOX, End.LOST_PROVIDER):
            raise SandboxLost(f"the sandbox `{self._sandbox}` was lost ({execution.end.value})")
        if execution.end is End.EXITED:
            told = self._hidden.hide(execution.stderr).decode("utf-8", "replace").strip()
        elif execution.end is End.OUTPUT:
            told = "it is too large"
        else:
            told = f"the attempt ended with {execution.end.value}"
        told = f"`{path}`: {told or 'it failed'}"
        self._handed_out(call, told, execution)
        raise FileFailed(told)

    def _write(self, call: Call, path: str, data: bytes) -> None:
        argv = [*files.WRITE, files.checked(path), files.parted(path)[0]]
        execution = self._run(argv, stdin=data)
        self._check(call, execution, path)
        self._handed_out(call, "", execution)


def _masked(stdout: bytes, stderr: bytes, judged: Judged) -> tuple[bytes, bytes]:
    """Both streams with the pieces masked that were found in the two together."""
    first = stdout.decode("utf-8", "surrogateescape")
    second = stderr.decode("utf-8", "surrogateescape")
    text = masked_text(first + second, judged.masked)
    parts = text[: len(first)], text[len(first) :]
    return (
        parts[0].encode("utf-8", "surrogateescape"),
        parts[1].encode("utf-8", "surrogateescape"),
    )


def _busy(sandbox: str) -> str:
    return f"the sandbox `{sandbox}` is used by others for more than {BUSY_SECONDS:g} seconds"
