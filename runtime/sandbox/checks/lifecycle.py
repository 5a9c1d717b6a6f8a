"""Sandboxes as a whole: they are apart, stop and go on, and end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.checks.scene import POLICY, CheckFailed, Checks, expect
from policyc.runtime.sandbox.failures import SandboxAbsent, SandboxLost, WrongState
from policyc.runtime.sandbox.owners import Owner
from policyc.runtime.sandbox.provider import Status

if TYPE_CHECKING:
    from policyc.runtime.sandbox.checks.scene import Scene
    from policyc.runtime.sandbox.provider import Process

CHECKS: Final = Checks()
_TICKING: Final = "while :; do echo tick; sleep 0.05; done"


@CHECKS("record")
def _record(scene: Scene) -> str:
    record = scene.provider.record(scene.sandbox)
    if record is None:
        raise CheckFailed("it is not known")
    expect(record.status is Status.RUNNING, record.status)
    expected = (str(Owner.current()), POLICY)
    expect((record.owner, record.policy) == expected, (record.owner, record.policy))
    expect(record.created < record.deadline, f"{record.created} until {record.deadline}")
    listed = [one.id for one in scene.provider.records()]
    expect(scene.sandbox in listed, f"it is not among {listed}")
    return f"{record.status}, until {record.deadline:%H:%M:%S}"


@CHECKS("attestation")
def _attestation(scene: Scene) -> str:
    seen = scene.provider.attestation(scene.sandbox)
    expect(bool(seen), "nothing is attested")
    return ", ".join(f"{name} {value}" for name, value in seen.items())


@CHECKS("pause and resume")
def _pause(scene: Scene) -> str:
    with scene.another() as sandbox:
        with scene.provider.start_process(sandbox, ["sh", "-c", _TICKING]) as process:
            expect(_goes_on(process), "it did not begin")
            scene.provider.pause(sandbox)
            _drain(process)
            expect(not _goes_on(process), "it goes on while paused")
            status = getattr(scene.provider.record(sandbox), "status", None)
            expect(status is Status.PAUSED, f"it is {status}")
            scene.provider.resume(sandbox)
            expect(_goes_on(process), "it does not go on when resumed")
        scene.answers(sandbox)
    return "a program stood still and went on"


def _goes_on(process: Process) -> bool:
    try:
        return process.read(1.0) is not None
    except TimeoutError:
        return False


def _drain(process: Process) -> None:
    """Read what was written before the pause."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            process.read(0.3)
        except TimeoutError:
            return
    raise CheckFailed("it goes on while paused")


@CHECKS("commands while paused")
def _paused(scene: Scene) -> str:
    with scene.another() as sandbox:
        scene.provider.pause(sandbox)
        scene.provider.pause(sandbox)
        try:
            scene.provider.start_process(sandbox, ["true"]).close()
        except WrongState as error:
            seen = str(error)
        else:
            raise CheckFailed("a command was started")
        scene.provider.resume(sandbox)
        scene.provider.resume(sandbox)
        scene.answers(sandbox)
    return f"refused: {seen}"


@CHECKS("removal while paused")
def _remove_paused(scene: Scene) -> str:
    with scene.another() as sandbox:
        scene.provider.pause(sandbox)
        scene.provider.remove(sandbox)
        expect(scene.provider.record(sandbox) is None, "it is still there")
    return "it is gone"


@CHECKS("removal is complete")
def _remove(scene: Scene) -> str:
    with scene.another() as sandbox:
        scene.told("setsid sleep 600 >/dev/null 2>&1 & echo x > file", sandbox=sandbox)
        scene.provider.remove(sandbox)
        expect(scene.provider.record(sandbox) is None, "it is still known")
        expect(sandbox not in [one.id for one in scene.provider.records()], "it is still listed")
        scene.provider.remove(sandbox)
        try:
            scene.provider.start_process(sandbox, ["true"]).close()
        except SandboxAbsent as error:
            return f"gone; a command gets: {error}"
        raise CheckFailed("a command was started")


@CHECKS("removal while a command runs")
def _remove_running(scene: Scene) -> str:
    with (
        scene.another() as sandbox,
        scene.provider.start_process(sandbox, ["sleep", "600"]) as process,
    ):
        scene.provider.remove(sandbox)
        while process.read(10.0) is not None:
            pass
        finish = process.finish(10.0)
        expect(bool(finish.lost) or finish.signal == 9 or finish.exit_code == 137, finish)
    return str(finish)


@CHECKS("lifetime")
def _lifetime(scene: Scene) -> str:
    with scene.another(lifetime=2.0) as sandbox:
        began = time.monotonic()
        while scene.provider.record(sandbox) is not None:
            expect(time.monotonic() - began < 20, "it still lives after 20 s")
            time.sleep(0.1)
        try:
            scene.provider.start_process(sandbox, ["true"]).close()
        except (SandboxAbsent, SandboxLost):
            return f"one of 2 s ended by itself after {time.monotonic() - began:.1f} s"
        raise CheckFailed("a command was started")


@CHECKS("lifetime while paused")
def _lifetime_paused(scene: Scene) -> str:
    with scene.another(lifetime=3.0) as sandbox:
        scene.provider.pause(sandbox)
        began = time.monotonic()
        while time.monotonic() - began < 6:
            if scene.provider.record(sandbox) is None:
                return "a paused one of 3 s ended by itself"
            time.sleep(0.1)
        # Where a pause stops its clock as well, whoever makes the next one ends it.
        with scene.another():
            expect(scene.provider.record(sandbox) is None, "it still lives")
    return "a paused one of 3 s ended when the next one was made"


@CHECKS("sandboxes are apart")
def _apart(scene: Scene) -> str:
    with scene.another() as other:
        serve = (
            "import socket, time; s = socket.create_server(('127.0.0.1', 8123)); "
            "[open(f, 'w').write('mine') for f in ('mark', '/tmp/mark')]; time.sleep(600)"
        )
        process = scene.provider.start_process(other, ["python3", "-c", serve])
        with process:
            scene.told(
                "for i in $(seq 100); do [ -e /tmp/mark ] && break; sleep 0.1; done; cat /tmp/mark",
                sandbox=other,
                keep_background=True,
            )
            seen = scene.told("ls /ws/mark /tmp/mark 2>/dev/null; true")
            expect(not seen, f"files of the other: {seen}")
            scene.told("sleep 600 &", sandbox=other, keep_background=True)
            expect(not scene.left(), f"processes are seen: {scene.left()}")
            reached = scene.python(
                "import json, socket; s = socket.socket(); s.settimeout(2); "
                "print(json.dumps(s.connect_ex(('127.0.0.1', 8123))))"
            )
            expect(reached != 0, "the port of the other was reached")
    return "no file, port or process of the other was seen"


@CHECKS("usage")
def _usage(scene: Scene) -> str:
    with scene.another() as sandbox:
        code = "x = bytearray(50_000_000); print('ready', flush=True); import time; time.sleep(600)"
        with scene.provider.start_process(sandbox, ["python3", "-c", code]) as process:
            expect(process.read(20.0) is not None, "the program did not begin")
            usage = scene.provider.usage(sandbox)
    enough = usage.memory is None or usage.memory > 40_000_000
    expect(enough and usage.processes != 0, usage)
    return str(usage)
