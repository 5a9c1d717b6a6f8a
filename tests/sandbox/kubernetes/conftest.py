"""A simulated cluster with an embedded sandbox for each pod, and the provider that asks it."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest
import uvicorn
from tests.sandbox.kubernetes.simulation import NAMESPACE, TOKEN, Simulation, make_app

from policyc.runtime.sandbox.embedded import EmbeddedProvider
from policyc.runtime.sandbox.failures import ProviderUnavailable
from policyc.runtime.sandbox.kubernetes import KubernetesProvider
from policyc.runtime.sandbox.state import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    """The cluster; nothing is left of its pods."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "state"))
    (tmp_path / "node").mkdir()
    node = EmbeddedProvider(tmp_path / "node")
    try:
        node.probe()
    except ProviderUnavailable as error:
        pytest.skip(f"a node needs embedded sandboxes: {error}")
    yield Simulation(node)
    for one in node.records():
        node.remove(one.id)


@pytest.fixture
def address(simulation: Simulation) -> Iterator[str]:
    ready = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

    config = uvicorn.Config(
        make_app(simulation), log_level="critical", ws="websockets-sansio", ws_ping_interval=None
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert ready.wait(20)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def kubeconfig(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of the cluster."""
    context = {"cluster": "simulated", "user": "runner", "namespace": NAMESPACE}
    file = tmp_path / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "simulated", "cluster": {"server": address}}],
                "users": [{"name": "runner", "user": {"token": TOKEN}}],
                "contexts": [{"name": "here", "context": context}],
                "current-context": "here",
            }
        )
    )
    monkeypatch.setenv("KUBECONFIG", str(file))
    return file


@pytest.fixture
def provider(kubeconfig: Path) -> Iterator[KubernetesProvider]:
    made = KubernetesProvider()
    yield made
    made.close()
