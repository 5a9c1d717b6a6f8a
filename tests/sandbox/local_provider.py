"""A provider without isolation, for tests of what is above providers: a sandbox is a folder and a
process that sleeps; what is started in it is a plain process. Everything is real but the walls.

What there is lies in the folder and in `/proc`, so any number of processes use the same one.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from policyc.runtime.sandbox.failures import ImageAbsent, SandboxAbsent, SandboxError, WrongState
from policyc.runtime.sandbox.info import SPEC_LABEL
from policyc.runtime.sandbox.provider import (
    Capabilities,
    Chunk,
    Creation,
    Finish,
    Process,
    Provider,
    Record,
    Status,
    Usage,
)
from policyc.runtime.sandbox.spec import SECRETS, SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MARK = "POLICYC_LOCAL_SANDBOX"
KEEPER = "POLICYC_LOCAL_KEEPER"


_let_go: list[subprocess.Popen[bytes]] = []
"""Processes that nobody asks for any more, to be collected when they end."""


class LocalProcess(Process):
    """A process of this machine, in a session of its own."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            argv,
            executable=shutil.which(argv[0]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,
            bufsize=0,
        )
        self._selector = selectors.DefaultSelector()
        assert self._process.stdout and self._process.stderr
        for stream, name in ((self._process.stdout, "stdout"), (self._process.stderr, "stderr")):
            self._selector.register(stream, selectors.EVENT_READ, name)

    def write(self, data: bytes) -> None:
        assert self._process.stdin
        if self._process.stdin.closed:
            raise BrokenPipeError("its standard input was closed")
        view = memoryview(data)
        while view:
            view = view[self._process.stdin.write(view) or 0 :]

    def close_input(self) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def read(self, timeout: float | None) -> Chunk | None:
        while self._selector.get_map():
            ready = self._selector.select(timeout)
            if not ready:
                raise TimeoutError("it wrote nothing")
            key = ready[0][0]
            data = os.read(key.fd, 65536)
            if data:
                return Chunk(cast("Literal['stdout', 'stderr']", key.data), data)
            self._selector.unregister(key.fileobj)
        return None

    def finish(self, timeout: float) -> Finish:
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError("it runs on") from None
        return Finish(exit_code=code) if code >= 0 else Finish(signal=-code)

    def close(self) -> None:
        self.close_input()
        self._selector.close()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream
            stream.close()
        _let_go.append(self._process)


class LocalProvider(Provider):
    """Sandboxes in a folder."""

    name: ClassVar[str] = "local"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    @property
    def scope(self) -> str:
        return f"{self.name} {self._folder}"

    def probe(self) -> Capabilities:
        return Capabilities("local", "1", "nothing", frozenset(), can_pause=True)

    def check(self, spec: SandboxSpec) -> None:
        if spec.image == "absent":
            raise ImageAbsent("there is no image `absent`")

    def create(self, creation: Creation) -> Record:
        if creation.spec.image == "broken":
            raise SandboxError("it cannot be made")
        now = datetime.now(UTC)
        lifetime = creation.spec.resources.lifetime
        told = {
            "created": now.isoformat(),
            "deadline": (now + timedelta(seconds=lifetime)).isoformat(),
            "owner": creation.owner,
            "policy": creation.policy,
            "image": creation.spec.image or "none",
            "spec": creation.spec.to_dict(),
        }
        file = self._folder / f"{creation.id}.json"
        file.with_suffix(".new").write_text(json.dumps(told))
        file.with_suffix(".new").rename(file)
        (self._folder / creation.id / "ws").mkdir(parents=True)
        (self._folder / creation.id / "secrets").mkdir()
        # Twice forked, so that it is the child of nobody that might wait for it.
        said = subprocess.run(
            ["sh", "-c", f"sleep {lifetime} </dev/null >/dev/null 2>&1 & echo $!"],
            env={"PATH": os.environ["PATH"], KEEPER: creation.id},
            start_new_session=True,
            stdout=subprocess.PIPE,
            check=True,
        )
        (self._folder / creation.id / "keeper").write_bytes(said.stdout)
        found = self.record(creation.id)
        assert found is not None
        return found

    def records(self) -> list[Record]:
        names = [one.stem for one in self._folder.glob("*.json")]
        found = [one for one in map(self.record, names) if one is not None]
        return sorted(found, key=lambda one: one.created, reverse=True)

    def record(self, sandbox: str) -> Record | None:
        try:
            told: dict[str, Any] = json.loads((self._folder / f"{sandbox}.json").read_text())
        except FileNotFoundError:
            return None
        return Record(
            id=sandbox,
            status=self._status(sandbox, told),
            created=datetime.fromisoformat(told["created"]),
            deadline=datetime.fromisoformat(told["deadline"]),
            owner=told["owner"],
            policy=told["policy"],
            image=told["image"],
            labels={SPEC_LABEL: json.dumps(told["spec"])},
        )

    def _status(self, sandbox: str, told: dict[str, Any]) -> Status:
        if told["image"] == "starting":
            return Status.STARTING
        if (self._folder / sandbox / "paused").exists():
            return Status.PAUSED
        try:
            keeper = int((self._folder / sandbox / "keeper").read_text())
            os.kill(keeper, 0)
        except (OSError, ValueError):
            return Status.ERROR
        return Status.RUNNING

    def _present(self, sandbox: str) -> Record:
        found = self.record(sandbox)
        if found is None:
            raise SandboxAbsent(f"there is no `{sandbox}`")
        return found

    def start_process(
        self, sandbox: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> Process:
        record = self._present(sandbox)
        if record.status is not Status.RUNNING:
            raise WrongState(f"`{sandbox}` is {record.status}")
        folder = self._folder / sandbox
        here = [one.replace(SECRETS, str(folder / "secrets")) for one in argv]
        spec = json.loads(record.labels[SPEC_LABEL])
        variables = {"PATH": os.environ["PATH"], **spec["environment"], **(environment or {})}
        return LocalProcess(here, {**variables, MARK: sandbox}, folder / "ws")

    def kill_processes(self, sandbox: str) -> None:
        _kill(MARK, sandbox)

    def pause(self, sandbox: str) -> None:
        record = self._present(sandbox)
        if record.image == "restless":
            raise SandboxError("it cannot be paused")
        (self._folder / sandbox / "paused").touch()
        for pid in _marked(MARK, sandbox):
            _signal(pid, signal.SIGSTOP)

    def resume(self, sandbox: str) -> None:
        self._present(sandbox)
        (self._folder / sandbox / "paused").unlink(missing_ok=True)
        for pid in _marked(MARK, sandbox):
            _signal(pid, signal.SIGCONT)

    def remove(self, sandbox: str) -> None:
        record = self.record(sandbox)
        if record is not None and (self._folder / "sticky").exists():
            raise SandboxError("it cannot be removed")
        _kill(MARK, sandbox)
        _kill(KEEPER, sandbox)
        _let_go[:] = [one for one in _let_go if one.poll() is None]
        shutil.rmtree(self._folder / sandbox, ignore_errors=True)
        (self._folder / f"{sandbox}.json").unlink(missing_ok=True)

    @contextmanager
    def sticky(self) -> Iterator[None]:
        """As long as this lasts, nothing can be removed."""
        (self._folder / "sticky").touch()
        yield
        (self._folder / "sticky").unlink()

    def usage(self, sandbox: str) -> Usage:
        self._present(sandbox)
        return Usage(None, len(list(_marked(MARK, sandbox))), None)

    def leaks(self) -> list[str]:
        """What is left where no sandbox should be. A record that was being written when its writer
        was killed is none yet."""
        names = [one.name for one in self._folder.iterdir()]
        files = [name for name in names if not name.endswith(".new")]
        ids = {one.split(".")[0] for one in names}
        processes = [
            str(pid) for mark in (MARK, KEEPER) for one in ids for pid in _marked(mark, one)
        ]
        return files + processes


def _marked(mark: str, sandbox: str) -> Iterator[int]:
    """The processes that have a mark in their environment."""
    wanted = f"{mark}={sandbox}".encode()
    for one in os.listdir("/proc"):
        if not one.isdigit():
            continue
        try:
            variables = Path(f"/proc/{one}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in variables:
            yield int(one)


def _kill(mark: str, sandbox: str) -> None:
    end = time.monotonic() + 10
    while found := list(_marked(mark, sandbox)):
        for pid in found:
            _signal(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise SandboxError(f"processes of `{sandbox}` cannot be killed: {found}")


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
