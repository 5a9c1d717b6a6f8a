"""What the provider does when nothing is wrong: a sandbox is made, used, paused, removed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.docker.conftest import new_id, output_of

from policyc.runtime.sandbox.docker import provider as provider_module
from policyc.runtime.sandbox.docker.container import sweep
from policyc.runtime.sandbox.docker.labels import USER, record_of
from policyc.runtime.sandbox.failures import SandboxAbsent, SandboxError, WrongState
from policyc.runtime.sandbox.provider import Creation, Status
from policyc.runtime.sandbox.spec import Resources, SandboxSpec, own_image

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from tests.sandbox.docker.conftest import Make

    from policyc.runtime.sandbox.docker import DockerProvider


def test_a_sandbox_from_its_beginning_to_its_end(provider: DockerProvider) -> None:
    spec = SandboxSpec(labels={"task": "7"}, resources=Resources(lifetime=600))
    made = provider.create(Creation(new_id(), spec, owner="me", policy="digest"))
    try:
        assert (made.status, made.owner, made.policy) == (Status.RUNNING, "me", "digest")
        assert made.labels["task"] == "7"
        assert (made.deadline - made.created).total_seconds() == 600
        assert abs((datetime.now(UTC) - made.created).total_seconds()) < 60
        assert provider.record(made.id) == made
        assert made in provider.records()
    finally:
        provider.remove(made.id)
    assert provider.record(made.id) is None
    provider.remove(made.id)


def test_streams_exit_code_and_environment(provider: DockerProvider, make: Make) -> None:
    sandbox = make(SandboxSpec(environment={"A": "of the spec"}))
    with provider.start_process(
        sandbox, ("sh", "-c", 'cat; echo "$A, $B" >&2; exit 7'), {"B": "of the process"}
    ) as process:
        process.write(b"\x00\xff\r\n")
        process.close_input()
        process.close_input()
        told = {"stdout": b"", "stderr": b""}
        while (chunk := process.read(20)) is not None:
            told[chunk.stream] += chunk.data
        assert told == {"stdout": b"\x00\xff\r\n", "stderr": b"of the spec, of the process\n"}
        assert process.finish(5).exit_code == 7


def test_the_keeper_heeds_no_variable(
    provider: DockerProvider, make: Make, docker_engine: DockerClient
) -> None:
    sandbox = make(SandboxSpec(environment={"LD_PRELOAD": "/ws/x.so", "BASH_ENV": "/ws/x"}))
    attributes = docker_engine.api.inspect_container(sandbox)
    assert [one.partition("=")[0] for one in attributes["Config"]["Env"]] == ["PATH"]
    assert "/ws/x.so" in output_of(provider, sandbox, "env")[1]


def test_complaints_are_not_taken_for_what_is_seen(
    provider: DockerProvider, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = provider.attestation(sandbox)
    noisy = provider_module.SCRIPT.replace(
        'echo "# $f"; ', 'echo "# $f"; echo noise >&2; sleep 0.01; '
    )
    monkeypatch.setattr(provider_module, "SCRIPT", noisy)
    assert provider.attestation(sandbox) == usual


def test_nothing_of_the_hosts_environment_is_seen(
    provider: DockerProvider, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_TEST_SECRET", "hunter2")
    code, told = output_of(provider, make(), "env")
    assert code == 0
    assert {line.partition("=")[0] for line in told.splitlines()} == {"PATH", "HOME", "HOSTNAME"}


def test_a_signal_is_told_as_one(provider: DockerProvider, sandbox: str) -> None:
    assert output_of(provider, sandbox, "sh", "-c", "kill -TERM $$")[0] == -15


def test_reading_waits_no_longer_than_asked(provider: DockerProvider, sandbox: str) -> None:
    with provider.start_process(sandbox, ("sleep", "60")) as process:
        with pytest.raises(TimeoutError):
            process.read(0.05)
        with pytest.raises(TimeoutError):
            process.finish(0.05)
    provider.kill_processes(sandbox)


def test_paused_and_resumed_twice(provider: DockerProvider, sandbox: str) -> None:
    for _ in range(2):
        provider.pause(sandbox)
    record = provider.record(sandbox)
    assert record is not None and record.status is Status.PAUSED
    with pytest.raises(WrongState, match="paused"):
        provider.start_process(sandbox, ("true",))
    for _ in range(2):
        provider.resume(sandbox)
    assert output_of(provider, sandbox, "echo", "on")[1] == "on\n"


def test_what_is_not_there_is_said(provider: DockerProvider) -> None:
    nothing = new_id()
    assert provider.record(nothing) is None
    for ask in (provider.pause, provider.resume, provider.kill_processes, provider.usage):
        with pytest.raises(SandboxAbsent, match=nothing):
            ask(nothing)
    with pytest.raises(SandboxAbsent):
        provider.start_process(nothing, ("true",))


def test_an_id_is_used_once(provider: DockerProvider, sandbox: str) -> None:
    with pytest.raises(SandboxError, match="already"):
        provider.create(Creation(sandbox, SandboxSpec(), owner="me", policy="none"))
    assert output_of(provider, sandbox, "echo", "still here")[1] == "still here\n"


def test_usage_is_what_the_sandbox_uses(provider: DockerProvider, sandbox: str) -> None:
    before = provider.usage(sandbox)
    output_of(provider, sandbox, "sh", "-c", "head -c 20000000 /dev/zero > big")
    after = provider.usage(sandbox)
    assert before.processes and before.memory and after.memory and after.cpu_seconds
    assert after.memory - before.memory >= 19_000_000


@pytest.mark.parametrize(
    ("state", "age", "status"),
    [
        ("running", 0, Status.RUNNING),
        ("paused", 0, Status.PAUSED),
        ("created", 1, Status.STARTING),
        ("restarting", 1, Status.STARTING),
        ("created", 120, Status.ERROR),
        ("removing", 0, Status.MISSING),
        ("dead", 0, Status.ERROR),
        ("of a later engine", 0, Status.ERROR),
    ],
)
def test_the_state_of_a_container_as_that_of_a_sandbox(
    state: str, age: float, status: Status
) -> None:
    created = datetime.now(UTC) - timedelta(seconds=age)
    summary = {
        "Names": ["/policyc-sbx-x"],
        "State": state,
        "Created": created.timestamp(),
        "Image": "policyc/sandbox:1",
        "Labels": None,
    }
    record = record_of(summary)
    assert (record.status, record.created, record.owner) == (status, created, "")


def test_a_container_that_is_no_sandbox_of_this_user_is_left_alone(
    provider: DockerProvider, docker_engine: DockerClient
) -> None:
    name = new_id()
    other = docker_engine.containers.create(
        own_image(), ["sleep", "60"], name=name, labels={USER: "4711"}
    )
    try:
        other.start()
        assert provider.record(name) is None
        assert name not in [one.id for one in provider.records()]
        with pytest.raises(SandboxAbsent):
            provider.start_process(name, ["true"])
        provider.remove(name)
        other.reload()
        assert other.status == "running"
    finally:
        other.remove(force=True)


def test_a_sandbox_that_ended_is_not_there_and_is_swept(
    provider: DockerProvider, docker_engine: DockerClient, make: Make
) -> None:
    ended = make()
    docker_engine.containers.get(ended).kill()
    docker_engine.containers.get(ended).wait()
    assert provider.record(ended) is None
    for ask in (provider.pause, provider.kill_processes):
        with pytest.raises(SandboxAbsent):
            ask(ended)
    make()
    assert not docker_engine.containers.list(all=True, filters={"name": ended})


def test_a_sandbox_that_ends_before_its_process_begins(
    provider: DockerProvider, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = make()
    prepared = provider_module._prepared

    def ends(client: DockerClient, container: Container, *rest: Any) -> str:
        execution = prepared(client, container, *rest)
        container.kill()
        container.wait()
        return execution

    monkeypatch.setattr(provider_module, "_prepared", ends)
    with pytest.raises(SandboxAbsent, match="it ended, or was removed"):
        provider.start_process(sandbox, ["true"])


def test_one_that_goes_on_while_another_process_sweeps_is_left_alone(
    provider: DockerProvider, docker_engine: DockerClient, sandbox: str
) -> None:
    over = Event()

    def sweep_on() -> None:
        while not over.is_set():
            sweep(docker_engine)

    with ThreadPoolExecutor() as pool:
        swept = pool.submit(sweep_on)
        try:
            for _ in range(100):
                provider.pause(sandbox)
                provider.resume(sandbox)
        finally:
            over.set()
        swept.result()
    assert output_of(provider, sandbox, "echo", "here") == (0, "here\n")
