"""Heads of requests that are too slow or too large."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn

from policyc.runtime.server import connections

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

GOOD = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body", False):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(answer, http=connections.Connection, lifespan="off", port=0)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield reader, writer
        writer.close()
    finally:
        await server.shutdown()


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (b"", 0),
        (b"GET / HT", 0),
        (GOOD + GOOD[:10], 1),
        (GOOD * 2 + b"POST / HTTP/1.1\r\na: b\r\n", 2),
    ],
)
def test_a_slow_head_is_not_waited_for(
    sent: bytes, answers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)

    async def run() -> None:
        async with connection() as (reader, writer):
            writer.write(sent)
            assert (await reader.read(-1)).count(b"200 OK") == answers

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_slow_body_is_not_a_slow_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)

    async def run() -> None:
        async with connection() as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na")
            await asyncio.sleep(0.8)
            writer.write(b"b")
            assert b"200 OK" in await reader.readuntil(b"ok")

    asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\na: " + b"b" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000,
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 40_000,
    ],
)
def test_a_large_head_is_cut_off(sent: bytes) -> None:
    async def run() -> None:
        async with connection() as (reader, writer):
            writer.write(sent)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readuntil(b"200 OK")

    asyncio.run(asyncio.wait_for(run(), 30))
