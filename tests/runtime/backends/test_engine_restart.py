"""The engine ends, or is killed, while a container is in use, and comes back. It is one of the
test's own: others may use that of the machine."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.engines import own_engine
from tests.runtime.backends.asking import POLICY, TRACE
from tests.runtime.backends.test_http import answering

import policyc
from policyc.runtime.backends import container
from policyc.runtime.backends.interfaces import PROTOCOL
from policyc.runtime.containers import spec, users
from policyc.runtime.containers.engine import EngineAbsent
from policyc.runtime.containers.lifecycle import SharedContainer, remove
from policyc.runtime.containers.readiness import url_of
from policyc.runtime.containers.spec import PREFIX_VARIABLE, Spec
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from docker.models.containers import Container
    from tests.engines import Engine

pytestmark = pytest.mark.slow

EXPECTED = policyc.Policy.from_string(POLICY).analyze(TRACE).to_dict()


@pytest.fixture
def engine(
    docker_engine: DockerClient,
    image: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Engine]:
    """An engine of its own; the parameter says whether its containers outlive it."""
    with own_engine(live_restore=getattr(request, "param", False)) as made:
        made.load(docker_engine, image)
        monkeypatch.setenv("DOCKER_HOST", made.address)
        # The locks on the names of containers do not know engines apart.
        number = uuid.uuid4().int
        monkeypatch.setenv(PREFIX_VARIABLE, f"test-own-{number % 16**8:08x}")
        # All engines take the lowest free port: what one gives up is soon in use by another.
        monkeypatch.setattr(spec, "HOST", f"127.{1 + number % 250}.{number % 251}.13")
        yield made
        users.end_all()
        remove(Spec.of())


def test_an_engine_that_is_started_again_is_waited_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policyc.Policy.from_string(POLICY, backend="container")
    monitor = policy.monitor()
    assert not monitor.append({"role": "user", "content": "an apple"})

    engine.end()
    with monkeypatch.context() as patched:
        patched.setattr(container, "PATIENCE_SECONDS", 0.5)
        with pytest.raises(EngineAbsent):
            policy.analyze(TRACE)

    again = threading.Timer(1.0, engine.start)
    again.start()
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    again.join()
    assert monitor.append(TRACE[0]).violations[0].ranges[0] == "1"
    policy.close()
    client = engine.client()
    assert [one.status for one in client.containers.list(all=True)] == ["exited"]
    client.close()


def _container(engine: Engine) -> Container:
    client = engine.client()
    (found,) = client.containers.list()
    client.close()
    return found


def _answer(policy: policyc.Policy) -> dict[str, Any] | policyc.PolicycError:
    """A verdict, or the error that says why there is none; any other error is one of the test."""
    try:
        return policy.analyze(TRACE).to_dict()
    except policyc.PolicycError as error:
        return error


@pytest.mark.parametrize("engine", [True], indirect=True, ids=["live-restore"])
def test_an_engine_that_is_killed_costs_no_wrong_verdict(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policyc.Policy.from_string(POLICY, backend="container")
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    before = _container(engine)
    answers: list[dict[str, Any] | policyc.PolicycError] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            answers.append(_answer(policy))

    with monkeypatch.context() as patched:
        patched.setattr(container, "PATIENCE_SECONDS", 0.5)
        asking = threading.Thread(target=ask)
        asking.start()
        engine.end(signal.SIGKILL)
        deaf = len(answers)
        while len(answers) < deaf + 3:
            time.sleep(0.05)
        is_over.set()
        asking.join()
    assert [one for one in answers if isinstance(one, dict) and one != EXPECTED] == []
    assert answers[-1] == EXPECTED or isinstance(answers[-1], BackendError)

    engine.start()
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    assert not policy.monitor().append({"role": "user", "content": "an apple"})
    client = engine.client()
    client.ping()  # the container answers before the engine does
    policy.close()
    (after,) = client.containers.list(all=True)
    assert (after.id, after.status) == (before.id, "exited")
    client.close()


@pytest.mark.parametrize("engine", [True], indirect=True, ids=["live-restore"])
def test_who_takes_the_port_of_a_container_is_not_believed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policyc.Policy.from_string(POLICY, backend="container")
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    port = int(url_of(_container(engine)).rpartition(":")[2])
    engine.end(signal.SIGKILL)
    nothing = policyc.Policy.from_string("").analyze([]).to_dict()
    who = {"name": "policyc", "version": policyc.__version__, "protocol": PROTOCOL}

    def pretend(_number: int, _method: str, path: str) -> tuple[int, bytes]:
        return 200, json.dumps(who if path == "/version" else nothing).encode()

    with answering(pretend, (spec.HOST, port)) as (
        url,
        asked,
    ):
        deceived = policyc.Policy.from_string(POLICY, backend=url)
        assert not deceived.analyze(TRACE), "whoever asks for no proof believes it"
        with monkeypatch.context() as patched:
            patched.setattr(container, "PATIENCE_SECONDS", 0.5)
            with pytest.raises(EngineAbsent):
                policy.analyze(TRACE)
        engine.start()
        assert policy.analyze(TRACE).to_dict() == EXPECTED
        assert len(asked) > 2
    policy.close()


@pytest.mark.parametrize("engine", [True], indirect=True, ids=["live-restore"])
def test_a_container_that_an_engine_lost_the_way_to_is_started_again(engine: Engine) -> None:
    shared = SharedContainer(Spec.of())
    before = shared.start()
    engine.end(signal.SIGKILL)
    port = int(before.url.rpartition(":")[2])
    with socket.create_server((spec.HOST, port)):
        engine.start()
        client = engine.client()
        assert [one.status for one in client.containers.list()] == ["running"]
        client.close()
        after = shared.start(seconds=20)
        assert shared.start() == after
        assert (after.id, after.url != before.url) == (before.id, True)
        assert httpx.get(after.url).status_code == 200
    shared.release()
