"""A runtime API that serves plain processes of this machine, and the provider that asks it."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from tests.sandbox.local_provider import LocalProvider

from policyc.runtime.sandbox.remote import RemoteProvider
from policyc.runtime.sandbox.remote.server import config_of, make_app
from policyc.runtime.sandbox.state import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from policyc.runtime.sandbox.provider import Provider

KEY = "0123456789abcdefghijk"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "state"))


@contextmanager
def served(provider: Provider, **options: Any) -> Iterator[str]:
    """The address of a server."""
    ready = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(config_of(make_app(provider, KEY, **options)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert ready.wait(20)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalProvider]:
    """What runs the sandboxes; nothing is left of it."""
    made = LocalProvider(tmp_path / "sandboxes")
    yield made
    for one in made.records():
        made.remove(one.id)


@pytest.fixture
def url(local: LocalProvider) -> Iterator[str]:
    with served(local, limit=3) as address:
        yield address


@pytest.fixture
def remote(url: str) -> Iterator[RemoteProvider]:
    made = RemoteProvider(url, KEY)
    yield made
    made.close()
