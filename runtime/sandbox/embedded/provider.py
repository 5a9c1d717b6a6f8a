"""The provider that needs no engine: sandboxes made of what the kernel has."""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.embedded import attestation, cgroups, control, obstacles, planning
from policyc.runtime.sandbox.embedded.folders import delete, read_record
from policyc.runtime.sandbox.embedded.process import EmbeddedProcess
from policyc.runtime.sandbox.embedded.processes import boot, numbering, start_time
from policyc.runtime.sandbox.embedded.protections import capabilities
from policyc.runtime.sandbox.failures import (
    ProviderUnavailable,
    SandboxAbsent,
    SandboxError,
    SandboxLost,
    WrongState,
)
from policyc.runtime.sandbox.provider import Capabilities, Creation, Provider, Record, Status, Usage
from policyc.runtime.sandbox.spec import SandboxSpec
from policyc.runtime.sandbox.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_START: Final = """\
import json, sys, types
for name, path in json.loads(sys.stdin.buffer.readline()).items():
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = path
from policyc.runtime.sandbox.embedded.launch import main
main()
"""
_LAUNCH_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 10.0
_REMOVE_SECONDS: Final = 10.0


class EmbeddedProvider(Provider):
    """Sandboxes made of namespaces, control groups, Landlock and a filter of system calls.

    Args:
        folder: where sandboxes are kept; None is `embedded` in the state folder of the user.
        without: protections to leave out. For tests that show what they are for.
    """

    name = "embedded"

    def __init__(self, folder: Path | None = None, *, without: Sequence[str] = ()) -> None:
        self._folder = folder
        self._without = tuple(without)

    def check(self, spec: SandboxSpec) -> None:
        planning.check(spec)

    def probe(self) -> Capabilities:
        trial = Creation(f"policyc-sbx-probe{secrets.token_hex(8)}", SandboxSpec(), "", "")
        try:
            self.create(trial)
            self.remove(trial.id)
        except SandboxError as error:
            raise ProviderUnavailable(str(error)) from None
        return capabilities()

    def create(self, creation: Creation) -> Record:
        reason = obstacles.before_trying()
        if reason:
            raise ProviderUnavailable(reason)
        self.check(creation.spec)
        folder = self._place(creation.id)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise SandboxError(f"there is a sandbox `{creation.id}` already") from None
        groups, refused = cgroups.make(creation.id, creation.spec.resources, self._without)
        plan = planning.plan_of(creation, folder, groups, refused, self._without)
        failure = _launch(plan.to_json())
        if failure:
            cgroups.remove(groups)
            delete(folder)
            advice = obstacles.advice(failure)
            raise SandboxError(
                f"an embedded sandbox cannot be made: {failure}{f': {advice}' if advice else ''}"
            )
        self._attest(creation, as_root=plan.as_root)
        record = self.record(creation.id)
        if record is None:
            raise SandboxLost(f"the sandbox `{creation.id}` ended at once")
        return record

    def records(self) -> list[Record]:
        names = [one.name for one in self._base().iterdir() if _is_id(one.name)]
        found = [self.record(one) for one in names]
        return sorted(
            (one for one in found if one is not None), key=lambda one: one.created, reverse=True
        )

    def record(self, sandbox: str) -> Record | None:
        known = self._known(sandbox)
        if known is None:
            return None
        try:
            paused = self._ask(sandbox, {"do": "status"})["paused"]
            status = Status.PAUSED if paused else Status.RUNNING
        except SandboxError:
            status = Status.ERROR
        return Record(
            id=sandbox,
            status=status,
            created=datetime.fromisoformat(known["created"]),
            deadline=datetime.fromisoformat(known["deadline"]),
            owner=known["owner"],
            policy=known["policy"],
            image="",
            labels=known["labels"],
        )

    def start_process(
        self, sandbox: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> EmbeddedProcess:
        known = self._existing(sandbox)
        groups = known["cgroups"]
        before = cgroups.reached(groups)
        request = {"do": "start", "argv": list(argv), "environment": dict(environment or {})}
        pipes = [os.pipe() for _ in range(3)]
        (its_in, our_in), (our_out, its_out), (our_err, its_err) = pipes
        connection = None
        try:
            answer, connection = control.ask(
                str(self._place(sandbox)), request, [its_in, its_out, its_err], _ANSWER_SECONDS
            )
            if "process" not in answer:
                connection.close()
                connection = None
            self._check(sandbox, answer)
        except BaseException as error:
            for one in (our_in, our_out, our_err):
                os.close(one)
            if isinstance(error, OSError):
                raise SandboxLost(f"the sandbox `{sandbox}` does not answer: {error}") from None
            raise
        finally:
            for one in (its_in, its_out, its_err):
                os.close(one)
        return EmbeddedProcess((our_in, our_out, our_err), connection, groups, before)

    def kill_processes(self, sandbox: str) -> None:
        with suppress(SandboxLost):
            if not self._ask(sandbox, {"do": "kill"})["left"]:
                return
        self.remove(sandbox)

    def pause(self, sandbox: str) -> None:
        self._ask(sandbox, {"do": "pause"})

    def resume(self, sandbox: str) -> None:
        self._ask(sandbox, {"do": "resume"})

    def remove(self, sandbox: str) -> None:
        known = self._known(sandbox)
        if known is None:
            return
        if not _signal(known["guardian"], known["guardian_start"], signal.SIGTERM):
            _signal(known["keeper"], known["keeper_start"], signal.SIGKILL)
        end = time.monotonic() + _REMOVE_SECONDS
        while self._known(sandbox) is not None or self._place(sandbox).exists():
            if time.monotonic() > end:
                raise SandboxError(
                    f"the sandbox `{sandbox}` did not end within {_REMOVE_SECONDS:g} s: "
                    f"see what process {known['keeper']} waits for"
                )
            time.sleep(0.001)

    def usage(self, sandbox: str) -> Usage:
        return Usage(**self._ask(sandbox, {"do": "usage"}))

    def attestation(self, sandbox: str) -> Mapping[str, str]:
        groups = self._existing(sandbox)["cgroups"]
        # A variable of the sandbox may have complaints written beside what is seen.
        told = {"stdout": b"", "stderr": b""}
        end = time.monotonic() + _ANSWER_SECONDS
        with self.start_process(sandbox, ["/bin/sh", "-c", attestation.SCRIPT]) as process:
            process.close_input()
            try:
                while (chunk := process.read(max(0.0, end - time.monotonic()))) is not None:
                    told[chunk.stream] += chunk.data
                finish = process.finish(_ANSWER_SECONDS)
            except TimeoutError:
                raise SandboxLost(f"the sandbox `{sandbox}` does not answer") from None
        if finish.exit_code != 0:
            why = told["stderr"][-300:]
            raise SandboxError(f"the sandbox `{sandbox}` cannot be looked at: {why!r}")
        return attestation.seen(told["stdout"].decode("utf-8", "replace"), groups)

    def _attest(self, creation: Creation, *, as_root: bool) -> None:
        """Look at the protections from inside, and remove a sandbox that has not what it should.

        Raises:
            SandboxError: it did not have them.
        """
        try:
            facts = self.attestation(creation.id)
            expected = attestation.promised(creation.spec, as_root=as_root)
            missing = [] if self._without else attestation.wanting(facts, expected)
            if missing:
                raise SandboxError(
                    "the sandbox is not protected as it should be: " + "; ".join(missing)
                )
        except SandboxError:
            self.remove(creation.id)
            raise

    def _base(self) -> Path:
        folder = self._folder or state_folder() / self.name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _place(self, sandbox: str) -> Path:
        if not _is_id(sandbox):
            raise SandboxError(f"`{sandbox}` is no id of a sandbox")
        return self._base() / sandbox

    def _known(self, sandbox: str) -> dict[str, Any] | None:
        """What is written down of a sandbox that is there; what is left of one that ended while
        nobody watched over it is deleted."""
        folder = self._place(sandbox)
        known = read_record(folder)
        if known is None:
            return None
        if known["boot"] == boot():
            if known["numbering"] != numbering():
                return None  # it may well live, but not where its processes are seen
            if start_time(known["keeper"]) == known["keeper_start"]:
                return known
            if start_time(known["guardian"]) == known["guardian_start"]:
                return None
        cgroups.remove(known["cgroups"])
        delete(folder)
        return None

    def _existing(self, sandbox: str) -> dict[str, Any]:
        known = self._known(sandbox)
        if known is None:
            raise SandboxAbsent(f"there is no sandbox `{sandbox}`")
        return known

    def _ask(self, sandbox: str, request: dict[str, Any]) -> dict[str, Any]:
        self._existing(sandbox)
        try:
            answer, connection = control.ask(
                str(self._place(sandbox)), request, timeout=_ANSWER_SECONDS
            )
        except OSError as error:
            raise SandboxLost(f"the sandbox `{sandbox}` does not answer: {error}") from None
        connection.close()
        if "error" in answer:
            raise SandboxError(f"the sandbox `{sandbox}` refuses: {answer['error']}")
        return answer

    def _check(self, sandbox: str, answer: dict[str, Any]) -> None:
        if answer.get("paused"):
            raise WrongState(f"the sandbox `{sandbox}` is paused: resume it first")
        if "error" in answer:
            raise SandboxError(f"the sandbox `{sandbox}` refuses: {answer['error']}")


def _is_id(name: str) -> bool:
    return name.replace("-", "").replace("_", "").isalnum()


def _launch(plan: bytes) -> str:
    """Start what makes a sandbox and wait until it is there; what went wrong, if anything did.

    It is started with nothing but the modules that it needs, whatever the environment and the
    installed packages are: that is safer, and three times as fast.
    """
    package = __package__ or ""
    names = [package.rsplit(".", more)[0] for more in range(package.count(".") + 1)]
    homes = {name: list(sys.modules[name].__path__) for name in names}
    with subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-I", "-S", "-c", _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        start_new_session=True,
    ) as program:
        assert program.stdin is not None and program.stdout is not None  # noqa: S101, PT018
        assert program.stderr is not None  # noqa: S101
        with suppress(BrokenPipeError):
            program.stdin.write(json.dumps(homes).encode() + b"\n" + plan)
            program.stdin.close()
        ready, _, _ = select.select([program.stdout], [], [], _LAUNCH_SECONDS)
        if not ready:
            program.kill()
            return f"it was not there after {_LAUNCH_SECONDS:g} s"
        answer = os.read(program.stdout.fileno(), 65536)
        if not answer:
            said = program.stderr.read().decode("utf-8", "replace").strip()
            return f"the process that makes it ended at once: {said[-500:]}"
        return str(json.loads(answer).get("error", ""))


def _signal(process: int, start: str, number: int) -> bool:
    """Signal a process of the host that started then; whether it is there."""
    try:
        place = os.pidfd_open(process)
    except OSError:
        return False
    try:
        if start_time(process) != start:
            return False
        signal.pidfd_send_signal(place, number)
    except OSError:
        return False
    finally:
        os.close(place)
    return True
