"""Hosts that a proxy under test reaches: real listeners on the loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

END = b"\r\n\r\n"


def read_request(peer: socket.socket) -> bytes:
    """A request as it came: its head, and the body that Content-Length or chunks tell; less where
    the connection ends before."""
    data = b""
    while not _is_whole(data):
        more = peer.recv(65536)
        if not more:
            break
        data += more
    return data


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(END)
    head = head.lower()
    if not end:
        return False
    if b"transfer-encoding: chunked" in head:
        return data.endswith(b"0\r\n\r\n")
    if b"content-length:" in head:
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        return len(body) >= length
    return True


def answer(body: bytes = b"hello", *headers: str, status: str = "200 OK") -> bytes:
    """An answer with a body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Host:
    """A host that keeps what it was sent, and answers as told.

    `serve` is given each connection; the default reads a request and answers `hello`.
    """

    def __init__(
        self,
        serve: Callable[[Host, socket.socket], None] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._serve = serve or Host.say_hello
        self._tls = tls
        self.received: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):  # it was closed by the test
            # Only this wakes who waits for the next connection.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def say_hello(self, peer: socket.socket) -> None:
        """Keep one request, and answer it; one that does not come whole is not answered."""
        request = read_request(peer)
        if _is_whole(request):
            self.received.append(request)
            peer.sendall(answer())

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._run, args=(peer,), daemon=True).start()

    def _run(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):
            if self._tls is None:
                self._serve(self, peer)
                return
            with self._tls.wrap_socket(peer, server_side=True) as encrypted:
                self._serve(self, encrypted)
