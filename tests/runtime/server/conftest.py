"""One server for the tests that only ask, and sessions on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.runtime.server.policies import NAMED
from tests.runtime.server.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from tests.runtime.server.processes import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("policies")
    for name, text in NAMED.items():
        (folder / f"{name}.inv").write_text(text, "utf-8")
    with running("--policy", str(folder), "--workers", "4", "--deadline", "5") as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as found:
        yield found
    assert server.is_running


@pytest.fixture
def session(client: httpx.Client) -> str:
    return str(client.get("/session/new").json()["id"])
