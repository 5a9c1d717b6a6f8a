"""The runtime API, both ends, over real connections and processes."""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.sandbox.remote.conftest import KEY, served

from policyc.runtime.sandbox.failures import (
    ImageAbsent,
    InvalidRequest,
    InvalidSpec,
    LimitReached,
    ProviderUnavailable,
    SandboxAbsent,
    SandboxError,
    SandboxLost,
    WrongState,
)
from policyc.runtime.sandbox.ids import new_id
from policyc.runtime.sandbox.owners import Owner
from policyc.runtime.sandbox.provider import Creation, Finish, Provider, Status
from policyc.runtime.sandbox.registry import choose, provider_names
from policyc.runtime.sandbox.remote import RemoteProvider
from policyc.runtime.sandbox.remote import process as remote_process
from policyc.runtime.sandbox.remote.provider import (
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    PLAIN_VARIABLE,
    URL_VARIABLE,
)
from policyc.runtime.sandbox.remote.server import make_app
from policyc.runtime.sandbox.remote.wire import status_of
from policyc.runtime.sandbox.service import SandboxService
from policyc.runtime.sandbox.spec import Mount, Resources, SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sandbox.local_provider import LocalProvider

    from policyc.runtime.sandbox.provider import Process

HEADERS = {"X-API-Key": KEY}


def creation(spec: SandboxSpec | None = None) -> Creation:
    return Creation(new_id(), spec or SandboxSpec(), str(Owner.current()), "digest")


@pytest.fixture
def sandbox(remote: RemoteProvider) -> str:
    return remote.create(creation()).id


def run(
    provider: Provider, sandbox: str, text: str, stdin: bytes = b""
) -> tuple[bytes, bytes, Finish]:
    with provider.start_process(sandbox, ["sh", "-c", text]) as process:
        writer = threading.Thread(target=_enter, args=(process, stdin))
        writer.start()
        found = {"stdout": b"", "stderr": b""}
        while chunk := process.read(20):
            found[chunk.stream] += chunk.data
        finish = process.finish(20)
        writer.join()
    return found["stdout"], found["stderr"], finish


def _enter(process: Process, data: bytes) -> None:
    try:
        process.write(data)
    except BrokenPipeError:
        return
    process.close_input()


def _write_until_broken(process: Process) -> None:
    for _ in range(200):
        process.write(b"x" * 65536)
        with pytest.raises(TimeoutError):
            process.read(0.01)


class TestSandboxes:
    def test_a_sandbox_is_the_same_at_both_ends(
        self, remote: RemoteProvider, local: LocalProvider
    ) -> None:
        spec = SandboxSpec(environment={"A": "1"}, resources=Resources(idle=60))
        made = remote.create(creation(spec))
        assert made == local.record(made.id) == remote.record(made.id)
        assert remote.records() == [made]
        assert run(remote, made.id, "echo $A")[0] == b"1\n"

    def test_pause_resume_remove(self, remote: RemoteProvider, sandbox: str) -> None:
        def status() -> Status | None:
            found = remote.record(sandbox)
            return found.status if found else None

        remote.pause(sandbox)
        remote.pause(sandbox)
        assert status() is Status.PAUSED
        with pytest.raises(WrongState):
            remote.start_process(sandbox, ["true"])
        remote.resume(sandbox)
        assert status() is Status.RUNNING
        remote.remove(sandbox)
        remote.remove(sandbox)
        assert status() is None

    def test_what_is_not_there(self, remote: RemoteProvider) -> None:
        absent = new_id()
        assert remote.record(absent) is None
        for ask in (remote.pause, remote.resume, remote.usage, remote.kill_processes):
            with pytest.raises(SandboxAbsent):
                ask(absent)
        with pytest.raises(SandboxAbsent):
            remote.start_process(absent, ["true"])

    @pytest.mark.parametrize("odd", ["../list", "a/b", "x?y", "%2e%2e", "\n", "ü"])
    def test_odd_ids_reach_nothing(self, remote: RemoteProvider, odd: str) -> None:
        assert remote.record(odd) is None
        remote.remove(odd)

    def test_sandboxes_with_another_prefix_are_not_there(
        self, remote: RemoteProvider, local: LocalProvider
    ) -> None:
        other = local.create(replace(creation(), id=new_id("other-")))
        assert remote.records() == [] and remote.record(other.id) is None
        remote.remove(other.id)
        assert local.record(other.id)

    def test_errors_are_those_of_the_provider(self, remote: RemoteProvider) -> None:
        with pytest.raises(ImageAbsent, match="no image `absent`"):
            remote.create(creation(SandboxSpec(image="absent")))
        with pytest.raises(SandboxError, match="it cannot be made"):
            remote.create(creation(SandboxSpec(image="broken")))
        assert remote.records() == []

    def test_one_that_cannot_be_stopped_is_still_listed(
        self, remote: RemoteProvider, local: LocalProvider, sandbox: str
    ) -> None:
        with local.sticky(), pytest.raises(SandboxError, match="it cannot be removed"):
            remote.remove(sandbox)
        assert [one.id for one in remote.records()] == [sandbox]
        remote.remove(sandbox)
        assert remote.records() == []

    def test_more_than_may_are_refused(self, remote: RemoteProvider, sandbox: str) -> None:
        for _ in range(2):
            remote.create(creation())
        with pytest.raises(LimitReached):
            remote.create(creation())
        remote.pause(sandbox)
        remote.create(creation())
        with pytest.raises(LimitReached):
            remote.resume(sandbox)

    def test_what_other_machines_cannot_have(self, remote: RemoteProvider, tmp_path: Path) -> None:
        mounted = SandboxSpec(mounts=(Mount(str(tmp_path), "/ws/x"),))
        for spec in (mounted, SandboxSpec(allow_hosts=("example.org",))):
            with pytest.raises(InvalidSpec):
                remote.create(creation(spec))
        with pytest.raises(InvalidSpec, match="does not allow to loosen open-network"):
            remote.create(creation(SandboxSpec(loosened=frozenset({"open-network"}))))

    def test_what_the_operator_allows(self, local: LocalProvider) -> None:
        with served(local, loosened=frozenset({"writable-root"})) as url:
            remote = RemoteProvider(url, KEY)
            remote.create(creation(SandboxSpec(loosened=frozenset({"writable-root"}))))
            remote.close()

    def test_what_it_gives(
        self, remote: RemoteProvider, local: LocalProvider, sandbox: str
    ) -> None:
        assert remote.probe() == local.probe()
        with remote.start_process(sandbox, ["sleep", "60"]):
            assert remote.usage(sandbox).processes == 1
        assert remote.attestation(sandbox) == {}

    def test_a_service_over_it(self, remote: RemoteProvider, local: LocalProvider) -> None:
        service = SandboxService(remote, limit=2)
        ids = [service.start(SandboxSpec()).id for _ in range(3)]
        assert [one.status for one in reversed(service.search().items)] == [
            Status.PAUSED,
            Status.RUNNING,
            Status.RUNNING,
        ]
        assert service.resume(ids[0]).session_key
        for one in ids:
            service.delete(one)
        assert local.leaks() == []

    def test_the_server_removes_those_whose_time_is_up(self, local: LocalProvider) -> None:
        with served(local, sweep_seconds=0.05) as url:
            remote = RemoteProvider(url, KEY)
            lasting = remote.create(creation())
            remote.create(creation(SandboxSpec(resources=Resources(lifetime=0.5))))
            end = time.monotonic() + 20
            while len(remote.records()) > 1 and time.monotonic() < end:
                time.sleep(0.02)
            assert [one.id for one in remote.records()] == [lasting.id]
            remote.close()


class TestProcesses:
    def test_output_errors_and_exit_code(self, remote: RemoteProvider, sandbox: str) -> None:
        out, err, finish = run(remote, sandbox, "echo out; echo err >&2; exit 7")
        assert (out, err, finish) == (b"out\n", b"err\n", Finish(exit_code=7))

    def test_a_signal(self, remote: RemoteProvider, sandbox: str) -> None:
        assert run(remote, sandbox, "kill -9 $$")[2] == Finish(signal=9)

    def test_large_input_and_output_arrive_whole(
        self, remote: RemoteProvider, sandbox: str
    ) -> None:
        data = os.urandom(5_000_000)
        out, _, finish = run(remote, sandbox, "cat", data)
        assert out == data and finish.exit_code == 0

    def test_every_byte(self, remote: RemoteProvider, sandbox: str) -> None:
        assert run(remote, sandbox, "cat", bytes(range(256)))[0] == bytes(range(256))

    def test_one_that_does_not_read_breaks_the_pipe(
        self, remote: RemoteProvider, sandbox: str
    ) -> None:
        with remote.start_process(
            sandbox, ["sh", "-c", "exec <&-; echo closed; sleep 60"]
        ) as process:
            assert process.read(20)
            with pytest.raises(BrokenPipeError):
                _write_until_broken(process)
            process.close_input()

    def test_nothing_in_time(self, remote: RemoteProvider, sandbox: str) -> None:
        with remote.start_process(sandbox, ["sleep", "60"]) as process:
            with pytest.raises(TimeoutError):
                process.read(0.05)
            with pytest.raises(TimeoutError):
                process.finish(0.05)
            remote.kill_processes(sandbox)
            assert process.read(20) is None
            assert process.finish(20) == Finish(signal=9)

    def test_its_end_is_known_while_its_streams_are_held(
        self, remote: RemoteProvider, sandbox: str
    ) -> None:
        with remote.start_process(sandbox, ["sh", "-c", "sleep 60 & exit 3"]) as process:
            assert process.finish(20) == Finish(exit_code=3)
            with pytest.raises(TimeoutError):
                process.read(0.05)

    def test_first_output_comes_before_the_end(self, remote: RemoteProvider, sandbox: str) -> None:
        with remote.start_process(sandbox, ["sh", "-c", "echo now; sleep 60"]) as process:
            found = process.read(20)
            assert found and found.data == b"now\n"

    def test_a_client_that_does_not_read_holds_nobody_up(
        self, remote: RemoteProvider, sandbox: str
    ) -> None:
        with remote.start_process(sandbox, ["yes"]) as process:
            process.read(20)
            assert run(remote, sandbox, "echo others")[0] == b"others\n"

    def test_a_client_that_goes_leaves_the_process_to_be_killed(
        self, remote: RemoteProvider, local: LocalProvider, sandbox: str
    ) -> None:
        remote.start_process(sandbox, ["sleep", "60"]).close()
        assert local.usage(sandbox).processes == 1
        remote.kill_processes(sandbox)
        assert local.usage(sandbox).processes == 0

    def test_input_that_nobody_reads_does_not_keep_it_from_being_closed(
        self, remote: RemoteProvider, local: LocalProvider, sandbox: str
    ) -> None:
        process = remote.start_process(sandbox, ["sleep", "60"])
        process.write(b"x" * 300_000)
        process.close()
        remote.remove(sandbox)
        assert local.leaks() == []

    def test_many_at_once(self, remote: RemoteProvider, sandbox: str) -> None:
        answers: dict[int, bytes] = {}

        def ask(number: int) -> None:
            answers[number] = run(remote, sandbox, f"echo {number}")[0]

        threads = [threading.Thread(target=ask, args=(one,)) for one in range(20)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert answers == {one: f"{one}\n".encode() for one in range(20)}

    def test_nothing_to_start(self, remote: RemoteProvider, sandbox: str) -> None:
        with pytest.raises(InvalidRequest, match="`argv` must be"):
            remote.start_process(sandbox, [])

    def test_a_server_that_goes_loses_the_process(
        self, local: LocalProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with served(local) as url:
            remote = RemoteProvider(url, KEY)
            process = remote.start_process(remote.create(creation()).id, ["sleep", "60"])
        assert process.read(20) is None
        assert process.finish(20) == Finish(lost="provider")
        process.close()
        with pytest.raises(SandboxLost, match="cannot be reached"):
            remote.records()
        with pytest.raises(SandboxLost, match="cannot be reached"):
            remote.start_process(new_id(), ["true"])
        remote.close()

    def test_a_server_that_says_nothing_any_more(
        self, remote: RemoteProvider, sandbox: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote_process, "SILENCE_SECONDS", 0.2)
        with remote.start_process(sandbox, ["sleep", "60"]) as process:
            assert process.read(None) is None
            assert process.finish(1) == Finish(lost="provider")


class TestAccess:
    @pytest.mark.parametrize("headers", [{}, {"X-API-Key": "x"}, {"X-API-Key": KEY + "x"}])
    def test_nothing_is_told_without_the_key(self, url: str, headers: dict[str, str]) -> None:
        for path in ("/list", "/sessions/x", "/probe", "/nothing"):
            assert httpx.get(url + path, headers=headers).status_code == 401
        for path in ("/start", "/stop", "/kill"):
            assert httpx.post(url + path, json={}, headers=headers).status_code == 401
        assert httpx.get(f"{url}/health").json() == {"status": "ok"}

    def test_a_process_needs_the_key_too(self, url: str, remote: RemoteProvider) -> None:
        made = remote.create(creation())
        other = RemoteProvider(url, "another key, as long")
        with pytest.raises(SandboxError, match="is missing or wrong"):
            other.start_process(made.id, ["true"])
        with pytest.raises(ProviderUnavailable, match="does not know the key"):
            other.records()
        other.close()

    def test_browsers_are_not_served(self, url: str) -> None:
        headers = {**HEADERS, "Origin": "http://evil.example"}
        assert httpx.get(f"{url}/list", headers=headers).status_code == 403

    def test_a_key_that_can_be_tried_out(self, local: LocalProvider) -> None:
        with pytest.raises(InvalidRequest, match="at least 16"):
            make_app(local, "short")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"session_id": "x"},
            {"session_id": "../../x"},
            {"session_id": "policyc-sbx-" + "a" * 22, "privileged": True},
            {"session_id": "policyc-sbx-" + "a" * 22, "command": ["python", "-m", "agent"]},
            {"session_id": "policyc-sbx-" + "a" * 22, "run_as_user": 0},
            {"session_id": "policyc-sbx-" + "a" * 22, "runtime_class": "sysbox-runc"},
            {"session_id": "policyc-sbx-" + "a" * 22, "working_dir": "/"},
            {"session_id": "policyc-sbx-" + "a" * 22, "resource_factor": 1000},
            {"session_id": "policyc-sbx-" + "a" * 22, "policyc": {"spec": {}}},
            {"session_id": "policyc-sbx-" + "a" * 22, "policyc": {"spec": {"mounts": [1]}}},
        ],
    )
    def test_a_start_that_is_refused(
        self, url: str, local: LocalProvider, body: dict[str, Any]
    ) -> None:
        answer = httpx.post(f"{url}/start", json=body, headers=HEADERS)
        assert answer.status_code == 422 and answer.json()["detail"]
        assert local.records() == []

    def test_a_start_as_openhands_asks_for_it(self, url: str) -> None:
        body = {
            "image": "some:tag",
            "command": None,
            "working_dir": "/ws",
            "environment": {"A": "1"},
            "session_id": new_id(),
            "resource_factor": 2,
            "run_as_user": 10001,
            "run_as_group": 10001,
            "fs_group": 10001,
        }
        made = httpx.post(f"{url}/start", json=body, headers=HEADERS).json()
        assert made["session_id"] == made["runtime_id"] == body["session_id"]
        assert (made["status"], made["pod_status"]) == ("running", "ready")
        resources = httpx.get(
            f"{url}/sessions/batch", params={"ids": made["session_id"]}, headers=HEADERS
        )
        assert '"cpus": 2.0' in resources.json()[0]["policyc"]["labels"]["policyc.sandbox.spec"]
        httpx.post(f"{url}/pause", json={"runtime_id": made["runtime_id"]}, headers=HEADERS)
        paused = httpx.get(f"{url}/sessions/{made['session_id']}", headers=HEADERS).json()
        assert (paused["status"], paused["pod_status"]) == ("paused", None)

    def test_too_large(self, url: str) -> None:
        body = {"session_id": "x" * 2_000_000}
        assert httpx.post(f"{url}/start", json=body, headers=HEADERS).status_code == 413


class TestSettings:
    def test_they_come_from_the_environment(
        self, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(URL_VARIABLE, f"{url}/")
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        RemoteProvider().close()
        monkeypatch.delenv(KEY_VARIABLE)
        (tmp_path / "key").write_text(f"{KEY}\n")
        monkeypatch.setenv(KEY_FILE_VARIABLE, str(tmp_path / "key"))
        made = RemoteProvider()
        assert made.records() == []
        made.close()

    def test_it_is_found_by_its_name(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(URL_VARIABLE, url)
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        found = choose("remote")
        assert isinstance(found, RemoteProvider)
        found.close()
        assert {"docker", "embedded", "kubernetes", "remote"} <= set(provider_names())

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            (URL_VARIABLE, "", "set POLICYC_SANDBOX_URL"),
            (URL_VARIABLE, "ftp://x", "must be like"),
            (URL_VARIABLE, "https://user:word@x", "must be like"),
            (URL_VARIABLE, "http://sandboxes.example.org", "unencrypted"),
            (KEY_VARIABLE, "", "set POLICYC_SANDBOX_KEY"),
            (KEY_FILE_VARIABLE, "/nowhere", "cannot be read from `/nowhere`"),
        ],
    )
    def test_wrong_ones(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
    ) -> None:
        monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:1")
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        monkeypatch.setenv(name, value)
        with pytest.raises(ProviderUnavailable, match=told) as caught:
            RemoteProvider()
        assert KEY not in str(caught.value) and "word" not in str(caught.value)

    def test_plain_http_where_it_is_allowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(PLAIN_VARIABLE, "1")
        RemoteProvider("http://sandboxes.example.org", KEY).close()


class TestOtherServers:
    @pytest.fixture
    def silent(self) -> Iterator[str]:
        """A server that accepts and never answers."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"

    def test_one_that_never_answers(self, silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("policyc.runtime.sandbox.remote.provider.CONNECT_SECONDS", 0.3)
        remote = RemoteProvider(silent, KEY, seconds=0.3, create_seconds=0.3)
        for ask in (
            remote.records,
            lambda: remote.create(creation()),
            lambda: remote.start_process("x", ["true"]),
        ):
            with pytest.raises(SandboxLost):
                ask()
        with pytest.raises(ProviderUnavailable):
            remote.probe()
        remote.close()

    def test_another_protocol(
        self, remote: RemoteProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("policyc.runtime.sandbox.remote.wire.PROTOCOL", 2)
        remote.probe()
        answer = remote._ask("GET", "/probe")
        monkeypatch.setattr(remote, "_ask", lambda *_: {**answer, "protocol": 9})
        with pytest.raises(ProviderUnavailable, match="speaks protocol 9, this policyc 2"):
            remote.probe()


@pytest.mark.parametrize(
    ("pod", "own", "status"),
    [
        ("ready", "starting", Status.RUNNING),
        ("pending", "running", Status.STARTING),
        ("running", None, Status.STARTING),
        ("CrashLoopBackOff", "running", Status.ERROR),
        ("failed", None, Status.ERROR),
        ("unknown", None, Status.ERROR),
        (None, "running", Status.RUNNING),
        (None, "paused", Status.PAUSED),
        (None, "stopped", Status.MISSING),
        ("odd", "starting", Status.STARTING),
        (None, "error", Status.ERROR),
        (None, "odd", Status.MISSING),
        (None, None, Status.MISSING),
    ],
)
def test_states(pod: str | None, own: str | None, status: Status) -> None:
    assert status_of(pod, own) is status
