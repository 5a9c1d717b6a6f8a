"""The engine ends while a container is in use, and comes back. It is one of the test's own: others
may use that of the machine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.engines import own_engine
from tests.runtime.backends.asking import POLICY, TRACE

import policyc
from policyc.runtime.backends import container
from policyc.runtime.containers import users
from policyc.runtime.containers.engine import EngineAbsent
from policyc.runtime.containers.lifecycle import remove
from policyc.runtime.containers.spec import PREFIX_VARIABLE, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from tests.engines import Engine

pytestmark = pytest.mark.slow

EXPECTED = policyc.Policy.from_string(POLICY).analyze(TRACE).to_dict()


@pytest.fixture
def engine(
    docker_engine: DockerClient, image: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    with own_engine() as made:
        made.load(docker_engine, image)
        monkeypatch.setenv("DOCKER_HOST", made.address)
        monkeypatch.setenv(PREFIX_VARIABLE, "test-own")
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
