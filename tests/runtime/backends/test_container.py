"""The backend `container`, on a real engine with our real image."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.containers import STAND_IN, WRITES, make_image
from tests.runtime.backends.asking import POLICY, TRACE

import policyc
from policyc.runtime.backends.container import ContainerServer
from policyc.runtime.backends.http import Question, ServerTimeout
from policyc.runtime.containers import lifecycle
from policyc.runtime.containers.engine import EngineAbsent, EngineElsewhere
from policyc.runtime.containers.image import build
from policyc.runtime.containers.image_import import RECIPE_LABEL
from policyc.runtime.containers.lifecycle import ForeignContainer, ImageAbsent, SharedContainer
from policyc.runtime.containers.readiness import ContainerDied, NotReady, OtherVersion
from policyc.runtime.containers.spec import USER, VERSION_LABEL, Spec
from policyc.runtime.containers.status import statuses

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

USERS = 20


def _policy(backend: str = "container") -> policyc.Policy:
    return policyc.Policy.from_string(POLICY, backend=backend)


def _asker(how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.runtime.backends.asking", how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _containers(engine: DockerClient, prefix: str) -> list[Container]:
    return engine.containers.list(all=True, filters={"name": prefix})


def _attributes(container: Container) -> Any:
    container.reload()
    return container.attrs


def _pid(container: Container) -> int:
    return int(_attributes(container)["State"]["Pid"])


EXPECTED = policyc.Policy.from_string(POLICY).analyze(TRACE).to_dict()


# --- the image


def test_an_image_that_is_up_to_date_is_not_made_again(
    docker_engine: DockerClient, image: str
) -> None:
    counted: list[tuple[int, int]] = []
    again = build(lambda done, total: counted.append((done, total)))
    assert (again.tag, again.is_new, counted) == (image, False, [])
    assert docker_engine.images.get(image).id == again.id


def test_the_image_has_a_user_without_rights_and_no_shell(
    docker_engine: DockerClient, image: str
) -> None:
    made = docker_engine.images.get(image)
    assert made.attrs["Config"]["User"] == USER
    assert made.labels[VERSION_LABEL] == policyc.__version__
    assert made.labels[RECIPE_LABEL]
    look = (
        "import os; print([p for d in ('/bin', '/sbin') for p in os.listdir(d) "
        "if not p.startswith(('py', '2to3'))]);"
        "print([p for r, _, f in os.walk('/usr') for n in f for p in [os.path.join(r, n)] "
        "if not os.path.islink(p) and os.stat(p).st_mode & 0o6022])"
    )
    told = docker_engine.containers.run(image, ["-c", look], entrypoint="python3", remove=True)
    names, writable = told.decode().splitlines()
    assert "sh" not in names and "'bash'" not in names and "'dash'" not in names
    assert writable == "[]"


# --- one container for all


def test_many_processes_at_once_have_one_container_and_its_last_user_stops_it(
    docker_engine: DockerClient, name: str, prefix: str
) -> None:
    askers = [_asker("close") for _ in range(USERS)]
    answers = [asker.communicate(timeout=300)[0] for asker in askers]
    assert [asker.returncode for asker in askers] == [0] * USERS
    assert [json.loads(answer) for answer in answers] == [EXPECTED] * USERS
    (container,) = _containers(docker_engine, prefix)
    assert container.name == name
    assert container.status == "exited"
    assert _attributes(container)["State"]["ExitCode"] == 0
    assert container.attrs["RestartCount"] == 0


def test_a_user_that_was_killed_does_not_count(docker_engine: DockerClient, name: str) -> None:
    asker = _asker("stay")
    assert asker.stdout is not None
    assert json.loads(asker.stdout.readline()) == EXPECTED
    policy = _policy()
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    policy.close()
    assert docker_engine.containers.get(name).status == "running"
    assert policy.analyze(TRACE)
    asker.send_signal(signal.SIGKILL)
    asker.communicate()
    policy.close()
    assert docker_engine.containers.get(name).status == "exited"


def test_a_user_that_closes_nothing_stops_it_by_ending(
    docker_engine: DockerClient, name: str
) -> None:
    asker = _asker("forget")
    answer, _ = asker.communicate(timeout=120)
    assert (asker.returncode, json.loads(answer)) == (0, EXPECTED)
    assert docker_engine.containers.get(name).status == "exited"


def test_closing_ends_only_what_is_ones_own(docker_engine: DockerClient, name: str) -> None:
    first, second = _policy(), _policy()
    monitor = second.monitor()
    assert first.analyze(TRACE) and not monitor.append({"role": "user", "content": "an apple"})
    started = _attributes(docker_engine.containers.get(name))["State"]["StartedAt"]
    first.close()
    first.close()
    assert monitor.append(TRACE[0]).violations[0].ranges[0] == "1"
    assert _attributes(docker_engine.containers.get(name))["State"]["StartedAt"] == started
    second.close()
    assert docker_engine.containers.get(name).status == "exited"


def test_one_that_is_kept_runs_on_until_it_is_removed(
    docker_engine: DockerClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_CONTAINER_KEEP", "1")
    policy = _policy()
    assert policy.analyze(TRACE)
    policy.close()
    assert docker_engine.containers.get(name).status == "running"
    assert lifecycle.remove(Spec.of()) and not lifecycle.remove(Spec.of())
    assert docker_engine.networks.list(names=[name]) == []


def test_a_policy_goes_to_another_process_with_its_container(name: str) -> None:
    policy = _policy()
    assert policy.analyze(TRACE)
    copy = pickle.loads(pickle.dumps(policy))
    policy.close()
    assert copy.analyze(TRACE).to_dict() == EXPECTED
    copy.close()


def test_a_process_that_was_forked_has_a_use_of_its_own(
    docker_engine: DockerClient, name: str
) -> None:
    policy = _policy()
    assert policy.analyze(TRACE)
    asked, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            is_good = policy.analyze(TRACE).to_dict() == EXPECTED
            os.write(asked[1], b"y" if is_good else b"n")
            os.read(done[0], 1)
            policy.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.read(asked[0], 1) == b"y"
    policy.close()
    assert docker_engine.containers.get(name).status == "running"
    os.write(done[1], b".")
    assert os.waitpid(child, 0)[1] == 0
    assert docker_engine.containers.get(name).status == "exited"
    for number in (*asked, *done):
        os.close(number)


# --- what happens to it in between


def test_one_that_is_killed_is_started_again(docker_engine: DockerClient, name: str) -> None:
    policy = _policy()
    monitor = policy.monitor()
    monitor.append({"role": "user", "content": "an apple"})
    container = docker_engine.containers.get(name)
    before = _pid(container)
    container.kill("SIGKILL")
    assert monitor.append(TRACE[0]).violations[0].ranges[0] == "1"
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    assert _pid(container) not in (0, before)
    policy.close()


def test_one_that_is_removed_is_made_again_also_for_asynchronous_questions(
    docker_engine: DockerClient, name: str
) -> None:
    policy = _policy()
    assert policy.analyze(TRACE)
    docker_engine.containers.get(name).remove(force=True)
    assert asyncio.run(policy.a_analyze(TRACE)).to_dict() == EXPECTED
    assert docker_engine.containers.get(name).status == "running"
    policy.close()


def test_one_that_hangs_gives_no_verdict_and_is_woken_by_the_next_question(
    docker_engine: DockerClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ContainerServer(Spec.of())
    question = Question("POST", "/v1/check", {"sources": [{"text": POLICY}], "trace": TRACE})
    assert server.ask(question)["blocked"]
    docker_engine.containers.get(name).pause()
    with monkeypatch.context() as patched:
        patched.setattr(server, "_timeout", 1)
        with pytest.raises(ServerTimeout):
            server.ask(question)
    assert server.ask(question)["blocked"]
    server.close()


def test_one_that_was_made_in_another_way_is_replaced_when_nobody_uses_it(
    docker_engine: DockerClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, other = SharedContainer(Spec.of()), SharedContainer(Spec.of())
    with monkeypatch.context() as patched:
        patched.setattr(Spec, "options", {**Spec.of().options, "pids_limit": 400})
        old = user.start().id
    assert other.start().id == old
    user.release()
    assert other.start().id != old
    other.release()


# --- what is not ours


def test_a_foreign_container_of_that_name_is_left_alone(
    docker_engine: DockerClient, name: str, image: str
) -> None:
    foreign = docker_engine.containers.create(image, name=name)
    try:
        with pytest.raises(ForeignContainer, match="docker rename"):
            _policy().analyze(TRACE)
        with pytest.raises(ForeignContainer):
            lifecycle.remove(Spec.of())
        assert _attributes(foreign)["State"]["Status"] == "created"
    finally:
        foreign.remove(force=True)


@pytest.mark.parametrize("pattern", ["x{}", "{}x", "{}-2"])
def test_a_container_with_a_similar_name_is_left_alone(
    docker_engine: DockerClient, name: str, image: str, pattern: str
) -> None:
    foreign = docker_engine.containers.create(image, name=pattern.format(name))
    try:
        policy = _policy()
        assert policy.analyze(TRACE)
        policy.close()
        assert lifecycle.remove(Spec.of())
        assert _attributes(foreign)["State"]["Status"] == "created"
    finally:
        foreign.remove(force=True)


def test_without_the_image_the_error_says_how_to_get_it(
    docker_engine: DockerClient, prefix: str
) -> None:
    with pytest.raises(ImageAbsent, match=r"docker pull example\.invalid/nothing:1"):
        _policy("container:example.invalid/nothing:1").analyze(TRACE)


# --- what it may do


def test_the_container_has_no_rights(docker_engine: DockerClient, name: str) -> None:
    policy = _policy()
    assert policy.analyze(TRACE)
    container = docker_engine.containers.get(name)
    host = _attributes(container)["HostConfig"]
    assert (host["CapDrop"], host["Privileged"], host["ReadonlyRootfs"]) == (["ALL"], False, True)
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Memory"] == host["MemorySwap"] > 0 and host["PidsLimit"] > 0 and host["Init"]
    assert [one["HostIp"] for one in container.ports["8000/tcp"]] == ["127.0.0.1"]
    assert list(container.attrs["NetworkSettings"]["Networks"]) == [name]
    look = (
        "import os; print(os.getuid(), os.getgid());"
        "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')]);"
        "open('/tmp/x', 'w'); open('/opt/policyc/x', 'w')"
    )
    code, (told, complaint) = container.exec_run(["python3", "-c", look], demux=True)
    lines = told.decode().splitlines()
    assert code == 1
    assert lines[0] == "10001 10001"
    assert set(lines[1].strip("[]").split(", ")) == {f"'{0:016x}'"}
    assert b"Read-only file system" in complaint
    policy.close()


# --- other images


def test_another_image_is_asked_by_the_api_that_it_has(
    docker_engine: DockerClient, name: str, prefix: str
) -> None:
    tag = make_image(docker_engine, f"{prefix}/older:1", STAND_IN)
    try:
        policy = _policy(f"container:{tag}")
        (violation,) = policy.analyze(TRACE)
        assert violation.message.startswith("a banana")
        monitor = policy.monitor()
        assert monitor.append(TRACE[0]) and not monitor.append({"role": "user", "content": "x"})
        (container,) = _containers(docker_engine, prefix)
        container.kill()
        assert monitor.append(TRACE[0])
        policy.close()
        assert _attributes(container)["State"]["Status"] == "exited"
    finally:
        lifecycle.remove(Spec(tag))
        docker_engine.images.remove(tag)


def test_a_server_of_another_version_is_refused(
    docker_engine: DockerClient, name: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = make_image(docker_engine, f"{prefix}/server:0.0.1", STAND_IN.replace(WRITES, ""))
    monkeypatch.setattr("policyc.runtime.containers.spec.own_image", lambda: tag)
    try:
        with pytest.raises(OtherVersion, match="policyc container build"):
            _policy().analyze(TRACE)
    finally:
        lifecycle.remove(Spec(tag))
        docker_engine.images.remove(tag)


def test_a_server_that_does_not_prove_who_it_is_is_refused(
    docker_engine: DockerClient, name: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = STAND_IN.replace(WRITES, "").replace(', key=os.environ.get("POLICYC_SERVER_KEY")', "")
    tag = make_image(docker_engine, f"{prefix}/server:0.0.1", program)
    monkeypatch.setattr("policyc.runtime.containers.spec.own_image", lambda: tag)
    try:
        with pytest.raises(
            NotReady, match=r"another program took the port.*policyc container build"
        ):
            _policy().analyze(TRACE)
        (status,) = statuses()
        assert (status.state, status.ready, status.version) == ("running", False, None)
    finally:
        lifecycle.remove(Spec(tag))
        docker_engine.images.remove(tag)


def test_one_that_was_made_without_a_key_is_not_asked(
    docker_engine: DockerClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Spec.of()
    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, "KEY_VARIABLE", "ANOTHER_VARIABLE")
        with pytest.raises(OtherVersion, match="policyc container down"):
            SharedContainer(spec).start()
    assert [one.name for one in _containers(docker_engine, name)] == [name]
    lifecycle.remove(spec)
    policy = _policy()
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    policy.close()


def test_a_server_that_ends_at_once_shows_its_last_words(
    docker_engine: DockerClient, name: str, prefix: str
) -> None:
    tag = make_image(docker_engine, f"{prefix}/ends:1", "raise SystemExit('out of bananas')")
    try:
        with pytest.raises(ContainerDied, match="out of bananas"):
            _policy(f"container:{tag}").analyze(TRACE)
    finally:
        lifecycle.remove(Spec(tag))
        docker_engine.images.remove(tag)


def test_a_server_that_never_answers_is_given_up_in_time(
    docker_engine: DockerClient, name: str, prefix: str
) -> None:
    tag = make_image(docker_engine, f"{prefix}/mute:1", "import time; time.sleep(600)")
    container = SharedContainer(Spec(tag))
    started = time.monotonic()
    try:
        with pytest.raises(NotReady, match="within 1 seconds"):
            container.start(seconds=1)
        assert time.monotonic() - started < 60
        container.release()
    finally:
        lifecycle.remove(Spec(tag))
        docker_engine.images.remove(tag)


# --- without an engine


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("unix:///nothing-listens-here.sock", EngineAbsent),
        ("tcp://127.0.0.1:1", EngineAbsent),
        ("tcp://192.0.2.1:2375", EngineElsewhere),
        ("ssh://root@localhost", EngineElsewhere),
    ],
)
def test_without_an_engine_there_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, address: str, error: type[Exception]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(error, match="DOCKER_HOST"):
        _policy().analyze(TRACE)


def test_the_token_for_a_server_is_not_sent_to_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYC_TOKEN", "secret")
    monkeypatch.setenv("POLICYC_SERVER_KEY", "k" * 32)
    server = ContainerServer(Spec("some/image:1"))
    assert "authorization" not in server._headers
    assert server._proved is None
    own = ContainerServer(Spec.of())
    assert own._proved is not None and own._proved.key != "k" * 32
