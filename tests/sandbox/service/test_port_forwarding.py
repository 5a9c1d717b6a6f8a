"""Ports of a sandbox on this machine: real servers, real connections, a real relay in between."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.service.test_service import SPEC

from policyc.runtime.ports import PortsExhausted
from policyc.runtime.sandbox import port_forwarding
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.port_forwarding import ForwardedPort, relay_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.local_provider import LocalProvider

    from policyc.runtime.sandbox.provider import Process
    from policyc.runtime.sandbox.service import SandboxService

    Handler = Callable[[socket.socket], None]
    Forward = Callable[..., ForwardedPort]


class Server:
    """A server of which each connection is given to a function, in a thread of its own."""

    def __init__(self, handle: Handler) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._handle = handle
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._handle(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def everything(connection: socket.socket) -> bytes:
    found = bytearray()
    while data := connection.recv(65536):
        found += data
    return bytes(found)


def echo_at_the_end(connection: socket.socket) -> None:
    """Answers when the client has no more to say: needs both half-closes."""
    connection.sendall(everything(connection)[::-1])


def listen(connection: socket.socket) -> None:
    """Says nothing, until the client has no more to say."""
    everything(connection)


@pytest.fixture
def sandbox(service: SandboxService) -> str:
    return service.start(SPEC).id


@pytest.fixture
def forward(provider: LocalProvider, sandbox: str) -> Iterator[Forward]:
    closing: list[ForwardedPort | Server] = []

    def make(handle: Handler | int, **options: object) -> ForwardedPort:
        if isinstance(handle, int):
            number = handle
        else:
            server = Server(handle)
            closing.append(server)
            number = server.port

        def relay() -> Process:
            return provider.start_process(sandbox, relay_command(number))

        made = ForwardedPort(relay, **options)  # type: ignore[arg-type]
        closing.append(made)
        return made

    yield make
    for one in reversed(closing):
        one.close()
    for name in ("sandbox-port", "sandbox-relay"):
        assert not any(one.name == name for one in threading.enumerate())


def connect(port: ForwardedPort) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port.number), 20)


def test_what_is_said_in_both_directions_arrives_whole(forward: Forward) -> None:
    port = forward(echo_at_the_end)
    said = os.urandom(3_000_000)
    with connect(port) as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == said[::-1]


def test_a_server_that_ends_first_is_heard_to_its_end(forward: Forward) -> None:
    port = forward(lambda connection: connection.sendall(b"x" * 1_000_000))
    with connect(port) as client:
        assert everything(client) == b"x" * 1_000_000


def test_a_web_server(forward: Forward) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi")

    port = forward(answer)
    assert port.url == f"http://127.0.0.1:{port.number}"
    client = http.client.HTTPConnection("127.0.0.1", port.number, timeout=20)
    client.request("GET", "/")
    assert client.getresponse().read() == b"hi"
    client.close()


def test_many_connections_do_not_mix(forward: Forward) -> None:
    port = forward(echo_at_the_end)
    answers: dict[int, bytes] = {}

    def ask(number: int) -> None:
        with connect(port) as client:
            client.sendall(f"<{number}>".encode() * 1000)
            client.shutdown(socket.SHUT_WR)
            answers[number] = everything(client)

    threads = [threading.Thread(target=ask, args=(one,)) for one in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == {one: (f"<{one}>".encode() * 1000)[::-1] for one in range(20)}


def test_more_connections_than_may_are_closed(forward: Forward) -> None:
    told: list[str] = []
    port = forward(lambda connection: connection.sendall(b"."), most=2, on_failure=told.append)
    held = forward(listen, most=2, on_failure=told.append)
    first, second = connect(held), connect(held)
    with first, second, connect(held) as third:
        assert third.recv(1) == b""
    end = time.monotonic() + 20
    while not told and time.monotonic() < end:
        time.sleep(0.01)
    assert told == ["there are 2 connections already"]
    with connect(port) as client:
        assert everything(client) == b"."


def test_nobody_listens_in_the_sandbox(forward: Forward) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    told = threading.Semaphore(0)
    reasons: list[str] = []

    def on_failure(reason: str) -> None:
        reasons.append(reason)
        told.release()

    port = forward(number, on_failure=on_failure)
    with connect(port) as client:
        assert everything(client) == b""
    assert told.acquire(timeout=20)
    assert "Connection refused" in reasons[0]


def test_a_sandbox_that_is_gone(forward: Forward, service: SandboxService, sandbox: str) -> None:
    told = threading.Semaphore(0)
    port = forward(echo_at_the_end, on_failure=lambda _: told.release())
    service.delete(sandbox)
    with connect(port) as client:
        assert client.recv(1) == b""
    assert told.acquire(timeout=20)


def test_a_silent_connection_is_closed(forward: Forward) -> None:
    port = forward(listen, idle_seconds=0.2)
    with connect(port) as client:
        assert client.recv(1) == b""


def test_closing_ends_connections_and_gives_the_port_back(forward: Forward) -> None:
    port = forward(listen)
    with connect(port) as client:
        client.sendall(b"x")
        port.close()
        port.close()
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    assert not port._port.is_held


@pytest.mark.parametrize("sent", [b"", bytes(8_000_000)], ids=["silent", "full"])
def test_closing_does_not_wait_for_a_server_that_ignores_its_client(
    forward: Forward, sent: bytes
) -> None:
    over = threading.Event()
    port = forward(lambda _connection: over.wait(60) and None)
    with connect(port) as client:
        client.setblocking(False)
        with suppress(BlockingIOError):
            while sent:
                client.send(sent)
        time.sleep(0.5)
        closing = threading.Thread(target=port.close, daemon=True)
        closing.start()
        closing.join(30)
        assert not closing.is_alive()
    over.set()


def test_killing_what_runs_in_the_sandbox_ends_connections(
    forward: Forward, provider: LocalProvider, sandbox: str
) -> None:
    port = forward(listen)
    with connect(port) as client:
        client.sendall(b"x")
        while not provider.usage(sandbox).processes:
            time.sleep(0.01)
        provider.kill_processes(sandbox)
        assert client.recv(1) == b""


def test_20_at_once_have_20_ports(forward: Forward) -> None:
    made: list[ForwardedPort] = []
    start = threading.Barrier(20)

    def make() -> None:
        start.wait(20)
        made.append(forward(echo_at_the_end, ports=range(31000, 31040)))

    threads = [threading.Thread(target=make) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({one.number for one in made}) == 20


def test_no_port_is_free(forward: Forward) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(PortsExhausted):
            forward(echo_at_the_end, ports=range(number, number + 1))


def test_a_port_that_others_take_at_the_last_moment(
    forward: Forward, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = port_forwarding.reserve_port
    taken: list[socket.socket] = []

    def reserve_and_lose(ports: range) -> object:
        port = reserve(ports)
        if len(taken) < 3:
            taken.append(socket.create_server(("127.0.0.1", port.number)))
        return port

    monkeypatch.setattr(port_forwarding, "reserve_port", reserve_and_lose)
    port = forward(echo_at_the_end)
    assert port.number not in {one.getsockname()[1] for one in taken} and len(taken) == 3
    for one in taken:
        one.close()


def test_a_relay_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Semaphore(0)

    def relay() -> Process:
        raise SandboxError("the sandbox is away")

    with (
        ForwardedPort(relay, on_failure=lambda _: told.release()) as port,
        connect(port) as client,
    ):
        assert client.recv(1) == b""
        assert told.acquire(timeout=20)
