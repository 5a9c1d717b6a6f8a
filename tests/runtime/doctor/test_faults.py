"""Each fault, set up on purpose: the check names it, and says what to do."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import metadata, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from tests.containers import STAND_IN, WRITES, image, make_image, prefix
from tests.runtime.server.processes import running

from policyc.runtime.containers import spec
from policyc.runtime.containers.lifecycle import SharedContainer, remove
from policyc.runtime.containers.spec import Spec
from policyc.runtime.doctor.checks import CHECKS
from policyc.runtime.doctor.examination import Subject, examine
from policyc.runtime.doctor.faults import FAULTS
from policyc.runtime.doctor.installation import EXTRAS, _unusable
from policyc.runtime.failures import BackendError
from policyc.runtime.sandbox import registry
from policyc.runtime.sandbox.audit import AuditLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

__all__ = ["image", "prefix"]  # fixtures


@dataclass
class Machine:
    """What a fault is set up with; `ends` undoes it."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path
    ends: ExitStack
    request: pytest.FixtureRequest

    def set(self, name: str, value: object) -> None:
        self.monkeypatch.setenv(name, str(value))

    @property
    def engine(self) -> DockerClient:
        """The engine, with our image, and names of containers that are this test's."""
        engine: DockerClient = self.request.getfixturevalue("docker_engine")
        self.request.getfixturevalue("image")
        self.request.getfixturevalue("prefix")
        return engine

    def image(self, name: str, script: str) -> str:
        """An image of another server, and its container removed at the end."""
        engine = self.engine
        tag = make_image(engine, f"{os.environ['POLICYC_CONTAINER_PREFIX']}/{name}", script)
        self.ends.callback(engine.images.remove, tag)
        self.ends.callback(remove, Spec(tag))
        return tag


@pytest.fixture
def machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Machine]:
    for name in ("POLICYC_TOKEN", "POLICYC_BACKEND_TIMEOUT", "POLICYC_NO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as ends:
        yield Machine(monkeypatch, tmp_path, ends, request)


# --- what listens


def _listening(machine: Machine) -> socket.socket:
    made = machine.ends.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
    return made


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as made:
        return int(made.getsockname()[1])


def _answering(machine: Machine, status: int, body: Any = None) -> str:
    """The address of a server that always answers the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    machine.ends.callback(server.server_close)
    machine.ends.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"


def _serving(machine: Machine) -> str:
    """The address of `policyc serve` with a token."""
    token = machine.folder / "token"
    token.write_text("secret")
    server = machine.ends.enter_context(running("--token-file", str(token)))
    return server.url


def _engine_at(machine: Machine, answer: bytes | None) -> None:
    """Something listens where the engine is looked for, and answers to all the same, or nothing."""
    path = f"/tmp/policyc-test-{os.getpid()}.sock"
    Path(path).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    made.listen(5)
    machine.ends.callback(os.unlink, path)
    machine.ends.callback(made.close)
    machine.ends.callback(made.shutdown, socket.SHUT_RDWR)
    machine.set("DOCKER_HOST", f"unix://{path}")
    if answer is None:
        return

    def serve() -> None:
        with suppress(OSError):
            while True:
                taken, _ = made.accept()
                with taken:
                    if taken.recv(65536):
                        taken.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()


# --- the faults


def _engine_absent(machine: Machine) -> Subject:
    machine.set("DOCKER_HOST", f"unix://{machine.folder}/nothing.sock")
    return Subject("container")


def _engine_forbidden(machine: Machine) -> Subject:
    _engine_at(machine, None)
    path = os.environ["DOCKER_HOST"].removeprefix("unix://")
    os.chmod(path, 0)
    if os.getuid() == 0:
        # root may use everything; another user may not, and has what is loaded by now.
        os.seteuid(65534)
        machine.ends.callback(os.seteuid, 0)
    return Subject("container")


def _engine_silent(machine: Machine) -> Subject:
    _engine_at(machine, None)
    return Subject("container", seconds=1)


def _engine_elsewhere(machine: Machine) -> Subject:
    machine.set("DOCKER_HOST", "tcp://192.0.2.1:2375")
    return Subject("container")


def _engine_refuses(machine: Machine) -> Subject:
    body = b'{"message": "no space left on device"}'
    head = f"HTTP/1.1 500 Bad\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    _engine_at(machine, f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
    return Subject("container")


def _image_missing(machine: Machine) -> Subject:
    assert machine.engine
    return Subject("container:example.invalid/nothing:1")


def _image_outdated(machine: Machine) -> Subject:
    engine = machine.engine
    made = engine.containers.create(spec.own_image())
    tag = f"{os.environ['POLICYC_CONTAINER_PREFIX']}/outdated:1"
    made.commit(changes="LABEL policyc.recipe=another").tag(tag)
    made.remove()
    machine.ends.callback(engine.images.remove, tag)
    machine.monkeypatch.setattr(spec, "own_image", lambda: tag)
    return Subject("container")


def _container_foreign(machine: Machine) -> Subject:
    made = machine.engine.containers.create(spec.own_image(), name=Spec.of().name)
    machine.ends.callback(made.remove)
    return Subject("container")


def _container_silent(machine: Machine) -> Subject:
    tag = machine.image("mute:1", "import time; time.sleep(600)")
    with pytest.raises(BackendError):
        SharedContainer(Spec(tag)).start(seconds=0.5)
    return Subject(f"container:{tag}", seconds=1)


def _container_version(machine: Machine) -> Subject:
    tag = machine.image("server:0.0.1", STAND_IN.replace(WRITES, ""))
    machine.monkeypatch.setattr(spec, "own_image", lambda: tag)
    with pytest.raises(BackendError):
        SharedContainer(Spec.of()).start()
    return Subject("container")


def _ports_taken(machine: Machine) -> Subject:
    number = _listening(machine).getsockname()[1]
    return Subject("container", ports=range(number, number + 1))


def _locks_unusable(machine: Machine) -> Subject:
    machine.folder.chmod(0o777)
    machine.set("POLICYC_LOCK_DIR", machine.folder)
    return Subject("container")


def _server_unreachable(_machine: Machine) -> Subject:
    return Subject(f"http://127.0.0.1:{_free_port()}")


def _server_slow(machine: Machine) -> Subject:
    return Subject(f"http://127.0.0.1:{_listening(machine).getsockname()[1]}", seconds=1)


def _server_token(machine: Machine) -> Subject:
    machine.set("POLICYC_TOKEN", "wrong")
    return Subject(_serving(machine))


def _server_version(machine: Machine) -> Subject:
    told = {"name": "policyc", "version": "9.0", "protocol": 99}
    return Subject(_answering(machine, 200, told))


def _server_unknown(machine: Machine) -> Subject:
    return Subject(_answering(machine, 404))


def _service_address(machine: Machine) -> Subject:
    machine.set("POLICYC_LLM_URL", "api.example")
    return Subject()


def _service_key(machine: Machine) -> Subject:
    machine.set("POLICYC_LLM_URL", _answering(machine, 401))
    return Subject()


def _service_unreachable(machine: Machine) -> Subject:
    machine.set("POLICYC_MODERATION_URL", f"http://127.0.0.1:{_free_port()}/v1")
    return Subject()


def _extra_absent(machine: Machine) -> Subject:
    machine.monkeypatch.setitem(EXTRAS, "oracle", "a comparison")
    return Subject()


def _cache_unusable(machine: Machine) -> Subject:
    machine.folder.chmod(0o777)
    machine.set("POLICYC_CACHE_DIR", machine.folder)
    return Subject()


def _sandboxes_none(machine: Machine) -> Subject:
    machine.set("DOCKER_HOST", f"unix://{machine.folder}/nothing.sock")
    machine.monkeypatch.setattr(registry, "PREFERRED", ("docker",))
    return Subject()


def _sandbox_image(machine: Machine) -> Subject:
    assert machine.engine
    machine.monkeypatch.setattr(registry, "PREFERRED", ("docker",))
    absent = "policyc/sandbox:absent"
    machine.monkeypatch.setattr("policyc.runtime.sandbox.docker.provider.own_image", lambda: absent)
    return Subject()


def _state_unusable(machine: Machine) -> Subject:
    machine.folder.chmod(0o777)
    machine.set("POLICYC_STATE_DIR", machine.folder)
    return Subject()


def _audit_damaged(machine: Machine) -> Subject:
    machine.set("POLICYC_STATE_DIR", machine.folder)
    log = AuditLog(machine.folder / "audit.jsonl")
    log.append("call", verdict="deny")
    log.path.write_text(log.path.read_text().replace("deny", "allow"))
    return Subject()


def _setting_wrong(machine: Machine) -> Subject:
    machine.set("POLICYC_BACKEND_TIMEOUT", "soon")
    return Subject()


def _clock_behind(_machine: Machine) -> Subject:
    return Subject(clock=lambda: 0.0)


def _clock_apart(machine: Machine) -> Subject:
    return Subject(_answering(machine, 200), clock=lambda: time.time() + 3600)


SETUPS: dict[str, Callable[[Machine], Subject]] = {
    name.replace("_", "-")[1:]: value
    for name, value in list(globals().items())
    if name.replace("_", "-")[1:] in FAULTS
}

TOLD = {
    "engine-absent": "systemctl start docker",
    "engine-forbidden": "usermod -aG docker",
    "image-missing": "docker pull",
    "container-silent": "policyc container logs",
    "ports-taken": "ss -ltnp",
    "server-unreachable": "policyc serve",
    "server-token": "POLICYC_TOKEN",
    "service-key": "POLICYC_LLM_KEY",
    "cache-unusable": "POLICYC_CACHE_DIR",
    "sandbox-image": "policyc sandbox build-image",
    "audit-damaged": "policyc audit verify",
    "clock-apart": "timedatectl",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_the_way_out(machine: Machine, name: str) -> None:
    (check,) = [one for one in CHECKS if name in one.faults]
    subject = SETUPS[name](machine)
    (found,) = examine(subject, [check])
    machine.ends.close()
    assert found.fault == name, found
    assert found.state == ("error" if check.is_needed(subject) else "warning")
    assert found.detail
    assert found.way_out and TOLD.get(name, "") in found.way_out


def test_what_only_containers_need_is_a_warning_where_none_is_wanted(machine: Machine) -> None:
    machine.set("DOCKER_HOST", f"unix://{machine.folder}/nothing.sock")
    found = {one.check: one.state for one in examine(Subject(), CHECKS)}
    assert (found["engine"], found["image"], found["container"]) == (
        "warning",
        "skipped",
        "skipped",
    )


def test_a_server_that_is_well_is_said_to_be(machine: Machine) -> None:
    machine.set("POLICYC_TOKEN", "secret")
    found = {one.check: one for one in examine(Subject(_serving(machine)), CHECKS)}
    assert (found["server"].state, found["clock"].state) == ("ok", "ok")


def test_every_fault_belongs_to_one_check() -> None:
    named = [name for check in CHECKS for name in check.faults]
    assert sorted(named) == sorted(FAULTS)


@pytest.mark.parametrize(
    ("needed", "found"),
    [
        ("lark", None),
        ("lark>=1", None),
        ("lark>=99", f"; there is lark {version('lark')}, it needs >=99"),
        ("nothing-of-that-name", ""),
    ],
)
def test_an_extra_of_another_version_is_no_extra(needed: str, found: str | None) -> None:
    assert _unusable([Requirement(needed)]) == found


def test_all_extras_are_looked_for_but_those_of_developers() -> None:
    told = metadata("policyc").get_all("Provides-Extra") or ()
    assert set(EXTRAS) == set(told) - {"dev", "oracle"}
