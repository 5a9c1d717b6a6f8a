"""What every request passes first: who asks, how much, how deep, and how slowly.

A middleware of ASGI. It reads the body whole, so that what is behind it never waits for a client.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import time
import uuid
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.server.proving import proved

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from policyc.runtime.server.settings import Settings

OPEN_PATHS: Final = frozenset({"/", "/health"})
"""Paths that anybody may ask, for health checks."""

MOST_DISCARDED: Final = 64 * 1024 * 1024
"""Bytes of a refused request that are read nevertheless: a client that still sends would see a
broken connection in the place of the answer."""

_STRING = re.compile(rb'"[^"]*"?')
_NO_BRACKETS = bytes(sorted(set(range(256)) - set(b'[]{}"')))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

_log = logging.getLogger("policyc.server")


class Refused(Exception):
    """A request that is not let through. `is_read`: nothing of its body is left to be read."""

    def __init__(
        self, status: int, detail: Any, headers: dict[str, str] | None = None, is_read: bool = False
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.is_read = is_read


def depth(body: bytes, most: int) -> int:
    """How deep lists and objects are nested in a text of JSON; 0 where it cannot be above
    `most`."""
    if body.count(b"[") + body.count(b"{") <= most:
        return 0
    if b"\\" in body:
        body = body.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = _STRING.sub(b"", body.translate(None, _NO_BRACKETS))
    return max(accumulate(map(_STEPS.__getitem__, brackets), initial=0))


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
        status = 0

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
            try:
                self._check(scope)
                body = await self._read(receive)
                answer: Send = send_noted
                if self._settings.key is not None:
                    answer = proved(self._settings.key, scope, body, send_noted)
                await self._app(scope, _replay(body, receive), answer)
            except Refused as refusal:
                if not refusal.is_read and not await self._discard(scope, receive):
                    refusal.headers["connection"] = "close"
                await _answer(refusal, send_noted)
        except Exception:
            _log.exception("request failed", extra={"request": request_id})
            if not status:
                await _answer(Refused(500, "policyc itself failed"), send_noted)
        finally:
            route = scope.get("route")
            self._on_done(
                {
                    "request": request_id,
                    "method": scope["method"],
                    "route": getattr(route, "path", "-"),
                    "status": status or 500,
                    "seconds": round(time.perf_counter() - started, 6),
                }
            )

    def _check(self, scope: Scope) -> None:
        """Look at the head of a request."""
        token = self._settings.token
        if token is not None and scope["path"] not in OPEN_PATHS:
            scheme, _, given = _header(scope, b"authorization").partition(b" ")
            is_right = hmac.compare_digest(given.strip(), token.encode())
            if scheme.lower() != b"bearer" or not is_right:
                raise Refused(401, "the token is missing or wrong", {"www-authenticate": "Bearer"})
        if _header(scope, b"origin"):
            # A page in the browser of somebody who can reach this server is not that person.
            raise Refused(403, "browsers are not served")
        length = _header(scope, b"content-length")
        if length.isdigit() and int(length) > self._settings.most_bytes:
            raise self._too_large()
        kind = _header(scope, b"content-type").partition(b";")[0].strip().lower()
        if not kind:
            scope["headers"].append((b"content-type", b"application/json"))
        elif scope["method"] in ("POST", "PUT") and not _is_json(kind):
            raise Refused(415, "the body has to be sent as application/json")

    async def _read(self, receive: Receive) -> bytes:
        """The body of a request."""
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "the request ended early", is_read=True)
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    is_last = not message.get("more_body", False)
                    if size > self._settings.most_bytes:
                        raise self._too_large(is_read=is_last)
                    if is_last:
                        break
        except TimeoutError:
            closed = {"connection": "close"}
            told = "the body of the request did not come in time"
            raise Refused(408, told, closed, is_read=True) from None
        body = b"".join(pieces)
        levels = self._settings.most_levels
        if depth(body, levels) > levels:
            problem = {
                "type": "json_nesting",
                "loc": ["body"],
                "msg": f"JSON is nested deeper than {levels} levels",
                "input": None,
            }
            raise Refused(422, [problem], is_read=True)
        return body

    async def _discard(self, scope: Scope, receive: Receive) -> bool:
        """Read the rest of a refused request; whether that came to its end."""
        if _header(scope, b"expect"):
            return False
        size = 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while size <= MOST_DISCARDED:
                    message = await receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return True
                    size += len(message.get("body", b""))
        except TimeoutError:
            pass
        return False

    def _too_large(self, *, is_read: bool = False) -> Refused:
        told = f"the body is larger than {self._settings.most_bytes} bytes"
        return Refused(413, told, is_read=is_read)


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def _is_json(kind: bytes) -> bool:
    return kind == b"application/json" or (
        kind.startswith(b"application/") and kind.endswith(b"+json")
    )


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
