"""What every request passes first: who asks, how much, how deep, and how slowly.

A middleware of ASGI. It reads the body whole, so that what is behind it never waits for a client.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from policyc.runtime.server.settings import Settings

OPEN_PATHS: Final = frozenset({"/", "/health"})
"""Paths that anybody may ask, for health checks."""

_STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class Refused(Exception):
    """A request that is not let through."""

    def __init__(self, status: int, detail: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def depth(body: bytes, most: int) -> int:
    """How deep lists and objects are nested in a text of JSON; counting ends above `most`."""
    if body.count(b"[") + body.count(b"{") <= most:
        return 0
    level = deepest = 0
    for found in _STRINGS_AND_BRACKETS.finditer(body):
        first = body[found.start()]
        if first in b"[{":
            level += 1
            if level > deepest:
                deepest = level
                if deepest > most:
                    return deepest
        elif first in b"]}":
            level -= 1
    return deepest


class Guard:
    """Refuses before anything is evaluated, and tells of each request what became of it.

    `on_done` gets a dict: request id, method, route, status, seconds.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, on_done: Callable[[dict[str, Any]], None]
    ) -> None:
        self._app = app
        self._settings = settings
        self._on_done = on_done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = uuid.uuid4().hex
        status = 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            self._check_token(scope)
            body = await self._read(scope, receive)
            await self._app(scope, _replay(body, receive), send_noted)
        except Refused as refusal:
            await _answer(refusal, send_noted)
        finally:
            route = scope.get("route")
            self._on_done(
                {
                    "request": request_id,
                    "method": scope["method"],
                    "route": getattr(route, "path", "-"),
                    "status": status,
                    "seconds": round(time.perf_counter() - started, 6),
                }
            )

    def _check_token(self, scope: Scope) -> None:
        token = self._settings.token
        if token is None or scope["path"] in OPEN_PATHS:
            return
        given = _header(scope, b"authorization")
        if not hmac.compare_digest(given, b"Bearer " + token.encode()):
            raise Refused(401, "the token is missing or wrong", {"www-authenticate": "Bearer"})

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        most = self._settings.most_bytes
        length = _header(scope, b"content-length")
        if length.isdigit() and int(length) > most:
            raise self._too_large(most)
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "the request ended early")
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    if size > most:
                        raise self._too_large(most)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise Refused(408, "the body of the request did not come in time") from None
        body = b"".join(pieces)
        levels = self._settings.most_levels
        if depth(body, levels) > levels:
            problem = {
                "type": "json_nesting",
                "loc": ["body"],
                "msg": f"JSON is nested deeper than {levels} levels",
                "input": None,
            }
            raise Refused(422, [problem])
        return body

    def _too_large(self, most: int) -> Refused:
        # What was not read is in the way of the next request.
        return Refused(413, f"the body is larger than {most} bytes", {"connection": "close"})


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, then what else there is to receive."""
    is_read = False

    async def receive_again() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def _answer(refusal: Refused, send: Send) -> None:
    body = json.dumps({"detail": refusal.detail}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in refusal.headers.items()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
