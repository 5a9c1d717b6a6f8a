"""The engine is absent, forbidden, silent, old, or ends while a command runs."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.engines import own_engine
from tests.sandbox.docker.conftest import Shell, new_id, new_tag

from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.docker import container as containers
from policyc.runtime.sandbox.docker import provider as providers
from policyc.runtime.sandbox.docker.labels import USER
from policyc.runtime.sandbox.docker.preflight import capabilities
from policyc.runtime.sandbox.execution import End, run
from policyc.runtime.sandbox.failures import (
    ImageAbsent,
    ProviderUnavailable,
    SandboxError,
    SandboxLost,
)
from policyc.runtime.sandbox.provider import Creation, Status
from policyc.runtime.sandbox.spec import SandboxSpec, own_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker import DockerClient
    from tests.engines import Engine
    from tests.sandbox.docker.conftest import Make


class Impostor:
    """A socket that takes connections and answers each in its own way, or not at all."""

    def __init__(self, path: Path, answer: Callable[[bytes], bytes] | None) -> None:
        self.address = f"unix://{path}"
        self._answer = answer
        self._held: list[socket.socket] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(16)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                made, _ = self._socket.accept()
            except OSError:
                return
            self._held.append(made)
            if self._answer is not None:
                asked = made.recv(65536)
                if asked:
                    body = self._answer(asked)
                    made.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                    )
                made.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        for one in self._held:
            one.close()


def all_that_ask(provider: DockerProvider) -> list[Callable[[], object]]:
    creation = Creation(new_id(), SandboxSpec(), owner="tests", policy="none")
    return [
        provider.probe,
        provider.records,
        lambda: provider.create(creation),
        lambda: provider.record(creation.id),
        lambda: provider.pause(creation.id),
        lambda: provider.kill_processes(creation.id),
        lambda: provider.remove(creation.id),
        lambda: provider.check(creation.spec),
    ]


def check_each_says(provider: DockerProvider, words: str) -> None:
    for ask in all_that_ask(provider):
        with pytest.raises(ProviderUnavailable, match=words):
            ask()
    with pytest.raises(SandboxLost, match=words):
        provider.start_process(new_id(), ["true"])
    provider.close()


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    check_each_says(DockerProvider(patience=0.2), r"no container engine answers.*start it")


def test_an_engine_that_takes_connections_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = Impostor(tmp_path / "socket", None)
    monkeypatch.setenv("DOCKER_HOST", silent.address)
    with pytest.raises(ProviderUnavailable, match=r"does not answer.*start it again"):
        DockerProvider(seconds=1).probe()
    silent.close()


class Stalling:
    """A way to the engine that goes silent when a command is to be started."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self._held: list[socket.socket] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            way = socket.socket(socket.AF_UNIX)
            way.connect("/var/run/docker.sock")
            self._held += [taken, way]
            for one, other in ((taken, way), (way, taken)):
                threading.Thread(target=self._relay, args=(one, other), daemon=True).start()

    def _relay(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while (data := one.recv(65536)) and not (b"/exec/" in data and b"/start" in data):
                other.sendall(data)

    def close(self) -> None:
        for one in (self._socket, *self._held):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def test_an_engine_that_goes_silent_when_a_command_is_started(
    sandbox: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if os.environ.get("DOCKER_HOST"):
        pytest.skip("the engine is not at its usual place")
    stalling = Stalling(tmp_path / "socket")
    monkeypatch.setenv("DOCKER_HOST", stalling.address)
    other = DockerProvider(seconds=1)
    with pytest.raises(SandboxLost, match="does not answer"):
        other.start_process(sandbox, ["true"])
    assert other.record(sandbox) is not None
    other.close()
    stalling.close()


def test_an_engine_whose_api_is_too_old(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = Impostor(tmp_path / "socket", lambda _asked: json.dumps({"ApiVersion": "1.12"}).encode())
    monkeypatch.setenv("DOCKER_HOST", old.address)
    with pytest.raises(ProviderUnavailable, match="too old"):
        DockerProvider().probe()
    old.close()


def test_an_engine_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.example:2375")
    with pytest.raises(ProviderUnavailable, match="no engine on this machine"):
        DockerProvider().probe()


def test_a_user_who_may_not(
    docker_engine: DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if os.getuid() != 0:
        pytest.skip("to become another user needs root")
    path = tmp_path_factory.getbasetemp() / "forbidden.sock"
    closed = Impostor(path, None)
    path.chmod(0o600)
    for folder in path.parents:
        if folder.stat().st_mode & 0o11 != 0o11:
            folder.chmod(folder.stat().st_mode | 0o11)
    code = (
        "import os; os.setgid(65534); os.setuid(65534)\n"
        "try: provider.probe()\nexcept Exception as error: print(type(error).__name__, error)"
    )
    begin = (
        "import docker, requests  # that user may not be allowed to read them\n"
        "from policyc.runtime.sandbox.docker import DockerProvider; provider = DockerProvider()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", begin + code],
        env=os.environ | {"DOCKER_HOST": closed.address},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("ProviderUnavailable this user may not use the container engine")
    assert "usermod" in done.stdout
    closed.close()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"MemoryLimit": False}, "cannot limit memory"),
        ({"PidsLimit": False, "CpuCfsQuota": False}, "cannot limit processes and cpus"),
        ({"SecurityOptions": ["name=apparmor"]}, "no seccomp"),
        ({"OSType": "windows"}, "Windows"),
    ],
)
def test_an_engine_that_cannot_protect_is_refused(
    docker_engine: DockerClient, changed: dict[str, object], words: str
) -> None:
    with pytest.raises(ProviderUnavailable, match=words):
        capabilities(docker_engine.info() | changed)


def test_what_an_engine_lacks_is_said(docker_engine: DockerClient) -> None:
    poor = docker_engine.info() | {
        "SwapLimit": False,
        "LiveRestoreEnabled": False,
        "SecurityOptions": ["name=seccomp,profile=default"],
    }
    told = " ".join(capabilities(poor).degraded)
    assert all(word in told for word in ("swap", "live-restore", "userns-remap", "AppArmor"))
    rich = poor | {
        "SwapLimit": True,
        "LiveRestoreEnabled": True,
        "SecurityOptions": ["name=seccomp", "name=apparmor", "name=userns"],
    }
    assert capabilities(rich).degraded == ()


def test_an_image_that_is_not_there(
    provider: DockerProvider, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SandboxSpec(image="registry.invalid/nothing:1")
    for ask in (make, provider.check):
        with pytest.raises(ImageAbsent, match=r"docker pull registry.invalid/nothing:1"):
            ask(spec)
    for module in (providers, containers):
        monkeypatch.setattr(module, "own_image", lambda: "policyc/sandbox:none")
    with pytest.raises(ImageAbsent, match="policyc sandbox build-image"):
        make()


def test_an_image_that_nothing_can_run_in(
    provider: DockerProvider, make: Make, docker_engine: DockerClient
) -> None:
    repository, name = new_tag()
    docker_engine.api.import_image_from_data(bytes(10240), repository=repository, tag=name)
    try:
        with pytest.raises(SandboxError, match="needs `timeout`"):
            make(SandboxSpec(image=f"{repository}:{name}"))
    finally:
        docker_engine.images.remove(f"{repository}:{name}", force=True)


# --- an engine that ends


@pytest.fixture(scope="module")
def engine(docker_engine: DockerClient, provider: DockerProvider) -> Iterator[Engine]:
    with own_engine(live_restore=True) as made:
        made.load(docker_engine, own_image())
        yield made


@pytest.fixture
def far(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A sandbox in an engine that may be ended."""
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    engine.client().close()
    provider = DockerProvider(patience=20)
    made = provider.create(Creation(new_id(), SandboxSpec(), owner="tests", policy="none"))
    yield Shell(provider, made.id)
    provider.remove(made.id)
    provider.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_that_ends_below_a_command_and_comes_back(
    engine: Engine, far: Shell, number: int
) -> None:
    again = threading.Timer(0.5, engine.start)

    def end(_chunk: object) -> None:
        engine.end(number)
        again.start()

    done = far("echo begun; sleep 1000; echo end", on_chunk=end)
    again.join()
    assert (done.end, done.exit_code, done.stdout) == (End.LOST_PROVIDER, None, b"begun\n")
    # The sandbox lived on, its command did not, and the same provider is used again.
    record = far.provider.record(far.sandbox)
    assert record is not None and record.status is Status.RUNNING
    assert not far.left()
    assert far.lives


@pytest.mark.slow
def test_an_engine_that_ends_and_stays_away(engine: Engine, far: Shell) -> None:
    impatient = DockerProvider(patience=0.5)
    try:
        done = run(
            impatient,
            far.sandbox,
            ["sh", "-c", "echo begun; sleep 1000"],
            seconds=30,
            output=100,
            on_chunk=lambda _chunk: engine.end(),
        )
        assert (done.end, done.stdout) == (End.LOST_PROVIDER, b"begun\n")
        with pytest.raises(SandboxLost, match="no container engine answers"):
            impatient.start_process(far.sandbox, ["true"])
    finally:
        engine.start()
        impatient.close()


# --- a runner that ends

RUNNER = """
import sys
from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.execution import run
run(DockerProvider(), sys.argv[1], ["sh", "-c", "echo begun; sleep 1000"], seconds=60, output=100,
    on_chunk=lambda chunk: print(chunk, flush=True))
"""


def test_a_runner_that_is_killed_leaves_a_sandbox_that_others_find(shell: Shell) -> None:
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, shell.sandbox], stdout=subprocess.PIPE)
    assert runner.stdout is not None and b"begun" in runner.stdout.readline()
    runner.kill()
    runner.wait()
    runner.stdout.close()
    assert shell.sandbox in [one.id for one in shell.provider.records()]
    shell.provider.kill_processes(shell.sandbox)
    assert not shell.left()


def test_nothing_is_left_of_many_sandboxes(
    provider: DockerProvider, docker_engine: DockerClient
) -> None:
    def counts() -> tuple[int, int]:
        gc.collect()
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    ids = []

    def one() -> None:
        made = provider.create(Creation(new_id(), SandboxSpec(), owner="tests", policy="none"))
        ids.append(made.id)
        try:
            assert (
                Shell(provider, made.id)("cat; sleep 1000 &", stdin=b"x" * 100_000).exit_code == 0
            )
        finally:
            provider.remove(made.id)

    # Until the library's pool of connections is full.
    for _ in range(3):
        one()
    before = counts()
    for _ in range(5):
        one()
    time.sleep(0.1)
    after = counts()
    assert after[0] <= before[0] + 2 and after[1] == before[1]
    left = docker_engine.containers.list(all=True, filters={"label": f"{USER}={os.getuid()}"})
    assert not set(ids) & {one.name for one in left}


FORKED = """
import os, sys
from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.execution import run
provider = DockerProvider()
def say(text):
    done = run(provider, sys.argv[1], ["echo", text], seconds=30, output=100)
    print(done.stdout.decode(), end="", flush=True)
say("before")
if os.fork():
    os.wait()
    say("parent")
else:
    say("child")
provider.close()
"""


def test_a_provider_in_a_process_that_was_forked(sandbox: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, sandbox],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["before", "child", "parent"]
