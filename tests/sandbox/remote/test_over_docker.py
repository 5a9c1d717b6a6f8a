"""The runtime API over the machine's engine, from one end to the other."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.remote.conftest import KEY, served
from tests.sandbox.remote.test_remote import run

from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.failures import ImageAbsent
from policyc.runtime.sandbox.provider import Status
from policyc.runtime.sandbox.remote import RemoteProvider
from policyc.runtime.sandbox.service import SandboxService
from policyc.runtime.sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from docker import DockerClient


def test_a_life(docker_engine: DockerClient) -> None:
    begin = f"policyc-test-{uuid.uuid4().hex[:8]}-"
    with served(DockerProvider(), begin=begin) as url:
        remote = RemoteProvider(url, KEY)
        service = SandboxService(remote, limit=1, begin=begin)
        try:
            first = service.start(SandboxSpec(environment={"A": "1"}))
            out, err, finish = run(remote, first.id, "cat; id -u; echo $A >&2; exit 5", b"in\n")
            assert (out, err, finish.exit_code) == (b"in\n10001\n", b"1\n", 5)
            key = run(remote, first.id, "cat /run/secrets/session-key")[0].decode()
            assert key == first.session_key
            second = service.start(SandboxSpec())
            found = service.batch_get([first.id, second.id])
            assert [one and one.status for one in found] == [Status.PAUSED, Status.RUNNING]
            with pytest.raises(ImageAbsent):
                service.start(SandboxSpec(image="policyc/absent:none"))
            assert remote.attestation(second.id)
            assert remote.usage(second.id).processes
            with remote.start_process(second.id, ["sh", "-c", "sleep 60 & sleep 60"]) as process:
                remote.kill_processes(second.id)
                assert process.finish(20).signal == 9 or process.finish(20).exit_code == 137
        finally:
            for one in remote.records():
                service.delete(one.id)
        assert remote.records() == []
        remote.close()
