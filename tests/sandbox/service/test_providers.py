"""The service over the providers that there are."""

from __future__ import annotations

import json
import socket
import uuid
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.service.test_service import output

from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.embedded import EmbeddedProvider
from policyc.runtime.sandbox.failures import ProviderUnavailable
from policyc.runtime.sandbox.ids import new_id
from policyc.runtime.sandbox.owners import Owner
from policyc.runtime.sandbox.port_forwarding import ForwardedPort, relay_command
from policyc.runtime.sandbox.provider import Creation, Status
from policyc.runtime.sandbox.service import SESSION_KEY, SandboxService
from policyc.runtime.sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from policyc.runtime.sandbox.provider import Provider


@pytest.fixture
def begin() -> str:
    """What the ids of this test begin with."""
    return f"policyc-test-{uuid.uuid4().hex[:8]}-"


def _removed(provider: Provider, begin: str) -> None:
    for one in provider.records():
        if one.id.startswith(begin):
            provider.remove(one.id)
    provider.close()


@pytest.fixture
def docker(docker_engine: DockerClient, begin: str) -> Iterator[Provider]:
    provider = DockerProvider()
    yield provider
    _removed(provider, begin)


@pytest.fixture
def embedded(state: object, begin: str) -> Iterator[Provider]:
    provider = EmbeddedProvider()
    try:
        provider.probe()
    except ProviderUnavailable as error:
        pytest.skip(str(error))
    yield provider
    _removed(provider, begin)


def live(provider: Provider, begin: str) -> str:
    """Everything once; the key of the first."""
    service = SandboxService(provider, limit=2, begin=begin)
    ids = [service.start(SandboxSpec()).id for _ in range(3)]
    infos = {one.id: one for one in service.search().items}
    assert [infos[one].status for one in ids] == [Status.PAUSED, Status.RUNNING, Status.RUNNING]
    assert service.resume(ids[0]).status is Status.RUNNING
    info = service.get(ids[0])
    assert info and info.session_key and info.spec["resources"]["processes"] == 128
    key = output(
        provider, info.id, f"cat /run/secrets/{SESSION_KEY}; stat -c :%a:%u /run/secrets/*"
    )
    assert key.decode() == f"{info.session_key}:400:10001\n"
    dead = Creation(new_id(begin), SandboxSpec(), str(Owner.current()).replace("@", "0@"), "")
    provider.create(dead)
    assert [one.sandbox for one in service.sweep()] == [dead.id]
    assert {one.id for one in service.search().items} == set(ids)
    for one in ids[1:]:
        assert service.delete(one)
    return info.session_key


def serve(provider: Provider, begin: str) -> None:
    """A server in a sandbox, reached from here."""
    sandbox = SandboxService(provider, begin=begin).start(SandboxSpec()).id
    server = (
        "import socket; s = socket.create_server(('127.0.0.1', 8000)); print('up', flush=True)\n"
        "c, _ = s.accept(); d = b''\n"
        "while x := c.recv(65536): d += x\n"
        "c.sendall(d[::-1])"
    )
    with provider.start_process(sandbox, ["python3", "-c", server]) as process:
        assert process.read(20)
        relay = relay_command(8000)
        with (
            ForwardedPort(lambda: provider.start_process(sandbox, relay)) as port,
            socket.create_connection(("127.0.0.1", port.number), 20) as client,
        ):
            client.sendall(b"abc" * 100_000)
            client.shutdown(socket.SHUT_WR)
            found = b""
            while data := client.recv(65536):
                found += data
    assert found == b"cba" * 100_000


def test_docker(docker: Provider, docker_engine: DockerClient, begin: str) -> None:
    key = live(docker, begin)
    [left] = [one for one in docker_engine.containers.list(all=True) if one.name.startswith(begin)]
    assert key not in json.dumps(left.attrs), "`docker inspect` does not tell the key"


def test_a_port_of_a_container(docker: Provider, begin: str) -> None:
    serve(docker, begin)


def test_embedded(embedded: Provider, begin: str) -> None:
    live(embedded, begin)


def test_a_port_of_an_embedded_sandbox(embedded: Provider, begin: str) -> None:
    serve(embedded, begin)
