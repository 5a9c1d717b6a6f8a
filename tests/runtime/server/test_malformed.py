"""A few of the malformed requests of `malformed`, which sends thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.runtime.server.malformed import spoilt, try_schema, try_spoilt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.server.processes import Server


@pytest.fixture(autouse=True)
def no_worker_dies(server: Server) -> Iterator[None]:
    before = server.workers
    yield
    assert server.is_running
    assert before <= server.workers


def test_spoilt_requests(server: Server) -> None:
    found = try_spoilt(server, range(300))
    assert found.total() == 300
    assert {200, 404, 422, 415} <= set(found)


def test_requests_by_schemathesis(server: Server) -> None:
    assert try_schema(server, 100).total() >= 80


def test_a_request_can_be_repeated() -> None:
    assert spoilt(7) == spoilt(7)
