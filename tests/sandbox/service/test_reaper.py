"""Owners and the sweep: who is judged dead, and what is removed."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.ids import new_id
from policyc.runtime.sandbox.owners import Owner, is_dead
from policyc.runtime.sandbox.provider import Creation, Record
from policyc.runtime.sandbox.reaper import Sweeper, sweep, why_to_go
from policyc.runtime.sandbox.spec import Resources, SandboxSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.local_provider import LocalProvider

    from policyc.runtime.sandbox.service import SandboxService

ME = Owner.current()
OTHER_BOOT = "00000000-0000-0000-0000-000000000000"


def make(provider: LocalProvider, owner: Owner = ME, resources: Resources | None = None) -> Record:
    spec = SandboxSpec(resources=resources or Resources())
    return provider.create(Creation(new_id(), spec, str(owner), ""))


class TestOwners:
    def test_this_process_lives(self) -> None:
        assert not is_dead(str(ME))
        assert Owner.parse(str(ME)) == ME

    def test_a_process_id_that_another_process_has(self) -> None:
        assert is_dead(str(replace(ME, started=ME.started + 1)))
        assert is_dead(str(replace(ME, pid=os.getppid())))

    def test_a_machine_that_was_restarted(self) -> None:
        assert is_dead(str(replace(ME, boot=OTHER_BOOT)))

    def test_a_process_that_ended(self) -> None:
        child = subprocess.Popen(["sleep", "60"])
        path = f"/proc/{child.pid}/stat"
        with open(path) as file:
            started = int(file.read().rpartition(")")[2].split()[19])
        owner = str(replace(ME, pid=child.pid, started=started))
        assert not is_dead(owner)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(owner), "also while its parent has not collected it"
        child.wait()
        assert is_dead(owner)

    def test_of_another_place_nothing_is_known(self) -> None:
        assert not is_dead(str(replace(ME, place="0123456789ab", boot=OTHER_BOOT, pid=1)))

    @pytest.mark.parametrize("text", ["", "x", "1", "1@x", "-1@0/0", "1@0/0/zz", "1@0/0/ab "])
    def test_what_names_nobody_is_not_dead(self, text: str) -> None:
        assert Owner.parse(text) is None and not is_dead(text)

    def test_one_without_a_place_is_of_this_one(self) -> None:
        short = str(ME).rpartition("/")[0]
        assert Owner.parse(short) == ME


class TestSweep:
    def test_one_whose_owner_is_dead(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        mine = make(provider)
        dead = make(provider, replace(ME, started=1))
        assert [(one.sandbox, one.reason) for one in service.sweep()] == [
            (dead.id, "the process that owned it is gone")
        ]
        assert [one.id for one in provider.records()] == [mine.id]
        assert service.sweep() == []

    def test_a_paused_one_too(self, service: SandboxService, provider: LocalProvider) -> None:
        dead = make(provider, replace(ME, boot=OTHER_BOOT))
        provider.pause(dead.id)
        assert len(service.sweep()) == 1 and provider.leaks() == []

    def test_one_that_is_kept_outlives_its_owner(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        dead = make(provider, replace(ME, started=1))
        service.keep(dead.id)
        assert service.sweep() == []
        service.keep(dead.id, is_kept=False)
        assert len(service.sweep()) == 1

    def test_one_whose_deadline_is_past_goes_though_it_is_kept(
        self, service: SandboxService, provider: LocalProvider
    ) -> None:
        made = make(provider, resources=Resources(lifetime=100))
        service.keep(made.id)
        later = datetime.now(UTC) + timedelta(seconds=99)
        notes, records = service._notes, provider.records
        assert sweep(provider, notes, records, later) == []
        found = sweep(provider, notes, records, later + timedelta(seconds=2))
        assert [one.reason for one in found] == ["its deadline is past"]

    def test_one_that_nobody_uses(self, service: SandboxService, provider: LocalProvider) -> None:
        info = service.start(SandboxSpec(resources=Resources(idle=60)))
        record = provider.record(info.id)
        assert record
        now = datetime.now(UTC)
        assert not why_to_go(record, service._notes, now + timedelta(seconds=59))
        reason = why_to_go(record, service._notes, now + timedelta(seconds=61))
        assert reason == "nobody used it for 60 seconds"
        with service.use(info.id):
            assert not why_to_go(record, service._notes, now + timedelta(seconds=61))
        assert why_to_go(record, service._notes, now + timedelta(seconds=62))

    def test_one_that_cannot_be_removed_is_told_and_the_others_go(
        self, service: SandboxService, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dead = [make(provider, replace(ME, started=1)) for _ in range(3)]
        remove = provider.remove

        def stuck(sandbox: str) -> None:
            if sandbox == dead[1].id:
                raise SandboxError("it is stuck")
            remove(sandbox)

        with monkeypatch.context() as patch:
            patch.setattr(provider, "remove", stuck)
            with pytest.raises(SandboxError, match=r"1 sandboxes could not be removed: .*stuck"):
                service.sweep()
        assert [one.id for one in provider.records()] == [dead[1].id]

    def test_notes_of_what_is_gone_go(
        self, service: SandboxService, provider: LocalProvider, state: Path
    ) -> None:
        info = service.start(SandboxSpec())
        trace = state / "sandboxes" / info.id / "trace.jsonl"
        trace.touch()
        provider.remove(info.id)
        service.sweep()
        assert list(trace.parent.iterdir()) == [trace], "what others keep stays"


@pytest.mark.parametrize("fails", [False, True])
def test_sweeping_in_the_background(fails: bool) -> None:
    swept = threading.Semaphore(0)

    def once() -> None:
        swept.release()
        if fails:
            raise SandboxError("the engine is away")

    with Sweeper(once, seconds=0.001):
        for _ in range(3):
            assert swept.acquire(timeout=10)
    with nullcontext():
        assert not any(one.name == "sandbox-sweeper" for one in threading.enumerate())
