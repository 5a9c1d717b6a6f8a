"""A proxy under test, with a host behind it and a client before it."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from policyc.runtime.sandbox.egress.proxy import EgressProxy
from policyc.runtime.sandbox.egress.records import EgressVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.sandbox.egress.hosts import Host

    from policyc.runtime.sandbox.egress.limits import EgressLimits
    from policyc.runtime.sandbox.egress.records import EgressRecord, EgressRequest

ALLOWED = "example.org"


class World:
    """The proxy allows `example.org` and all below `*.below.org` at the usual ports and at that of
    the host. Every name has the address 127.0.0.1 unless `addresses` says otherwise; those of
    `private` may have it.
    """

    def __init__(
        self,
        folder: Path,
        host: Host,
        *,
        allow: Sequence[str] = (),
        judge: Callable[[EgressRequest], EgressVerdict] | None = None,
        log: Callable[[EgressRecord], None] | None = None,
        limits: EgressLimits | None = None,
        addresses: Mapping[str, Sequence[str]] | None = None,
        private: Sequence[str] = (ALLOWED, "*.below.org"),
    ) -> None:
        self.host = host
        self.records: list[EgressRecord] = []
        self.judged: list[EgressRequest] = []
        self.looked_up: list[str] = []
        self._arrived = threading.Condition()
        self._verdict = judge or (lambda _request: EgressVerdict(True))
        self._log = log
        self._addresses = addresses or {}
        own = [name + port for name in (ALLOWED, "*.below.org") for port in ("", f":{host.port}")]
        self.proxy = EgressProxy(
            folder,
            [*own, *allow],
            self._judge,
            log=self._keep,
            resolver=self._resolve,
            limits=limits,
            allow_private=private,
        )

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._stack.enter_context(self.host)
        self._stack.enter_context(self.proxy)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _judge(self, request: EgressRequest) -> EgressVerdict:
        self.judged.append(request)
        return self._verdict(request)

    def _resolve(self, host: str, _port: int) -> Sequence[str]:
        self.looked_up.append(host)
        return self._addresses.get(host, ["127.0.0.1"])

    def _keep(self, record: EgressRecord) -> None:
        if self._log is not None:
            self._log(record)
        with self._arrived:
            self.records.append(record)
            self._arrived.notify_all()

    def record(self, number: int = 1) -> EgressRecord:
        """The record with that number, once it is there."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.records) >= number, timeout=200)
            return self.records[number - 1]

    @property
    def authority(self) -> str:
        """The allowed name with the port of the host."""
        return f"{ALLOWED}:{self.host.port}"

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """A connection to the proxy."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(200)
            client.connect(str(self.proxy.folder / "proxy.sock"))
            yield client

    def talk(self, data: bytes) -> bytes:
        """Send bytes, and read the answer to its end."""
        with self.connection() as client:
            client.sendall(data)
            return read_all(client)

    def get(self, url: str | None = None, *headers: str, host: str | None = None) -> bytes:
        """Ask for an address once."""
        url = url or f"http://{self.authority}/"
        host = host if host is not None else url.removeprefix("http://").split("/")[0]
        lines = [f"GET {url} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, "", ""]
        return self.talk("\r\n".join(lines).encode("latin-1"))

    def tunnel(self, client: socket.socket, authority: str | None = None) -> bytes:
        """Ask for a tunnel; the head of the answer."""
        authority = authority or self.authority
        client.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        return read_head(client)


def read_all(client: socket.socket) -> bytes:
    """All that comes until the end."""
    data = b""
    while more := client.recv(65536):
        data += more
    return data


def read_head(client: socket.socket) -> bytes:
    """The head of an answer, read byte by byte."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = client.recv(1)
        if not more:
            break
        data += more
    return data


def rule_of(reply: bytes) -> str:
    """The rule that a refusal names; empty where the reply is none."""
    line = reply.split(b"\r\n")[0].decode()
    return line.partition("Refused by rule ")[2]
