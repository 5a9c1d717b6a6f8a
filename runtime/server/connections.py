"""Connections: what a client may take before its request reaches the application.

The server library waits for the head of a request for ever, and keeps all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS: Final = 20.0
"""In which the head of a request has to come, once the connection or the head is begun."""

HEAD_BYTES: Final = 64 * 1024
"""The size of a head, and of what follows a body in pieces."""


class Connection(HttpToolsProtocol):
    """A connection that is closed when the head of a request is too slow or too large."""

    _timer: asyncio.TimerHandle | None = None
    _is_head = True
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_head:
            self._bytes += len(data)
            self._check_size()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_head = True
        self._bytes = 0
        self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if not self._is_head:
            self._bytes += len(name) + len(value)
            self._check_size()

    def on_headers_complete(self) -> None:
        self._is_head = False
        self._bytes = 0
        self._stop()
        super().on_headers_complete()

    def _check_size(self) -> None:
        if self._bytes > HEAD_BYTES:
            self.transport.close()

    def _wait(self) -> None:
        self._stop()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self, *_: Any) -> None:
        self.transport.close()
