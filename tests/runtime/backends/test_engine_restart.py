"""The engine ends, or is killed, while a container is in use, and comes back. It is one of the
test's own: others may use that of the machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest
from tests.runtime.backends.asking import POLICY, TRACE

import policyc
from policyc.runtime.backends import container
from policyc.runtime.containers import users
from policyc.runtime.containers.engine import EngineAbsent
from policyc.runtime.containers.lifecycle import remove
from policyc.runtime.containers.spec import PREFIX_VARIABLE, Spec
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

pytestmark = pytest.mark.slow

EXPECTED = policyc.Policy.from_string(POLICY).analyze(TRACE).to_dict()


BRIDGE = "policyc-test0"


class Engine:
    """A Docker engine in a folder. It leaves the firewall alone, and has a bridge of its own: one
    that is told to have none removes that of the machine's engine."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.address = f"unix://{folder}/socket"
        (folder / "config.json").write_text("{}")
        subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
        subprocess.run(["ip", "address", "add", "10.213.77.1/24", "dev", BRIDGE], check=True)

    def start(self) -> None:
        folder = self.folder
        command = ["dockerd", "--host", self.address, "--config-file", f"{folder}/config.json"]
        command += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
        command += ["--pidfile", f"{folder}/pid", f"--bridge={BRIDGE}", "--iptables=false"]
        command += self.options
        with open(folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def client(self) -> DockerClient:
        end = time.monotonic() + 60
        while not self._listens():
            if time.monotonic() > end:
                pytest.fail((self.folder / "log").read_text("utf-8")[-2000:])
            time.sleep(0.2)
        return docker.DockerClient(self.address)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as made:
            return made.connect_ex(self.address.removeprefix("unix://")) == 0

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def remove_containers(self) -> None:
        """Those that would outlive it."""
        client = self.client()
        for one in client.containers.list(all=True):
            one.remove(force=True)
        client.close()

    def remove(self) -> None:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
        for place in reversed([one for one in mounts if one.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "-l", place], check=False)
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def own_engine(
    docker_engine: DockerClient,
    image: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Engine]:
    if os.getuid() != 0:
        pytest.skip("an engine of its own needs root")
    # Not everybody has the folder of these programs in the path.
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
    missing = [name for name in ("dockerd", "ip") if not shutil.which(name)]
    if missing:
        reason = f"an engine of its own needs {' and '.join(missing)}"
        if os.environ.get("POLICYC_REQUIRE_DOCKER"):
            pytest.fail(f"POLICYC_REQUIRE_DOCKER is set, and {reason}")
        pytest.skip(reason)
    engine = Engine(
        Path(tempfile.mkdtemp(prefix="policyc-engine-")), *getattr(request, "param", ())
    )
    engine.start()
    try:
        with_image = engine.client()
        with_image.images.load(b"".join(docker_engine.images.get(image).save(named=True)))
        with_image.close()
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        monkeypatch.setenv(PREFIX_VARIABLE, "test-own")
        yield engine
        users.end_all()
        remove(Spec.of())
    finally:
        engine.remove_containers()
        engine.end()
        engine.remove()


def test_an_engine_that_is_started_again_is_waited_for(
    own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policyc.Policy.from_string(POLICY, backend="container")
    monitor = policy.monitor()
    assert not monitor.append({"role": "user", "content": "an apple"})

    own_engine.end()
    with monkeypatch.context() as patched:
        patched.setattr(container, "PATIENCE_SECONDS", 0.5)
        with pytest.raises(EngineAbsent):
            policy.analyze(TRACE)

    again = threading.Timer(1.0, own_engine.start)
    again.start()
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    again.join()
    assert monitor.append(TRACE[0]).violations[0].ranges[0] == "1"
    policy.close()
    client = own_engine.client()
    assert [one.status for one in client.containers.list(all=True)] == ["exited"]
    client.close()


def _answer(policy: policyc.Policy) -> dict[str, Any] | policyc.PolicycError:
    """A verdict, or the error that says why there is none; any other error is one of the test."""
    try:
        return policy.analyze(TRACE).to_dict()
    except policyc.PolicycError as error:
        return error


@pytest.mark.parametrize("own_engine", [("--live-restore",)], indirect=True, ids=["live-restore"])
def test_an_engine_that_is_killed_costs_no_wrong_verdict(
    own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policyc.Policy.from_string(POLICY, backend="container")
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    client = own_engine.client()
    (before,) = client.containers.list()
    client.close()
    answers: list[dict[str, Any] | policyc.PolicycError] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            answers.append(_answer(policy))

    with monkeypatch.context() as patched:
        patched.setattr(container, "PATIENCE_SECONDS", 0.5)
        asking = threading.Thread(target=ask)
        asking.start()
        own_engine.kill()
        deaf = len(answers)
        while len(answers) < deaf + 3:
            time.sleep(0.05)
        is_over.set()
        asking.join()
    assert [one for one in answers if isinstance(one, dict) and one != EXPECTED] == []
    assert answers[-1] == EXPECTED or isinstance(answers[-1], BackendError)

    own_engine.start()
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    assert not policy.monitor().append({"role": "user", "content": "an apple"})
    policy.close()
    client = own_engine.client()
    (after,) = client.containers.list(all=True)
    assert (after.id, after.status) == (before.id, "exited")
    client.close()
