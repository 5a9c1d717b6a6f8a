"""Tunnels: only TLS that names the host that was asked for passes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from tests.sandbox.egress.hosts import Host
from tests.sandbox.egress.world import ALLOWED, World, read_all, rule_of

from policyc.runtime.sandbox.egress.limits import EgressLimits
from policyc.runtime.sandbox.egress.records import EgressRequest, EgressVerdict, Outcome
from policyc.runtime.sandbox.egress.server_name import NotTls, ServerName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
ALERT = b"\x15\x03\x03\x00\x02\x02\x31"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(ALLOWED, "evil.org").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def world(
    folder: Path, certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Port 443 of every address is the port of the host: that one takes no privilege."""
    host = Host(tls=certified)
    with World(folder, host) as world:
        lead_to(host, monkeypatch)
        yield world


def lead_to(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dial(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(address, host.port if port == 443 else port)

    monkeypatch.setattr("policyc.runtime.sandbox.egress.checks.dial", dial)


def first_message(name: str | None, *, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """What a client with this name sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = newest
    outgoing = ssl.MemoryBIO()
    side = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        side.do_handshake()
    return outgoing.read()


def test_tls_with_the_name_passes(world: World, trusting: ssl.SSLContext) -> None:
    with world.connection() as client:
        assert world.tunnel(client, f"{ALLOWED}:443") == ESTABLISHED
        with trusting.wrap_socket(client, server_hostname=ALLOWED) as encrypted:
            encrypted.sendall(b"GET /secret HTTP/1.1\r\nHost: example.org\r\n\r\n")
            assert encrypted.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert world.judged == [EgressRequest("CONNECT", ALLOWED, 443)]
    assert "url" not in world.judged[0].arguments()
    record = world.record()
    assert (record.method, record.host, record.port, record.path) == ("CONNECT", ALLOWED, 443, "")
    assert (record.outcome, record.status) == (Outcome.ALLOWED, 200)
    assert record.sent > 500 and record.received > 500


def test_the_first_message_may_come_in_pieces(world: World, trusting: ssl.SSLContext) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = trusting.wrap_bio(incoming, outgoing, server_hostname=ALLOWED)
    with world.connection() as client:
        world.tunnel(client, f"{ALLOWED}:443")
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
        for byte in outgoing.read():
            client.sendall(bytes([byte]))
        while True:
            incoming.write(client.recv(65536))
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            break
        assert side.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (first_message("evil.org"), "server-name"),
        (first_message("evil.org", newest=ssl.TLSVersion.TLSv1_2), "server-name"),
        (first_message("a.example.org"), "server-name"),
        (first_message("example.org.evil.org"), "server-name"),
        (first_message(None), "server-name"),
        (b"GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n", "tls"),
        (b"SSH-2.0-OpenSSH_9\r\n", "tls"),
        (b"\x16\x03\x01\x00\x05\x02\x00\x00\x00\x00", "tls"),
        (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\0" * 100, "tls"),
        (b"\x16\x03\x01\xff\xff" + b"\0" * 100, "tls"),
    ],
    # A first message has random bytes in it: names of tests must be the same in each process.
    ids=[
        *("other-name", "older-tls", "name-below", "name-in-front", "no-name"),
        *("http", "ssh", "short", "ssl2", "too-long"),
    ],
)
def test_what_is_not_tls_with_the_name_is_refused(world: World, data: bytes, rule: str) -> None:
    with world.connection() as client:
        assert world.tunnel(client, f"{ALLOWED}:443") == ESTABLISHED
        client.sendall(data)
        assert read_all(client) == ALERT
    record = world.record()
    assert (record.outcome, record.rule, record.status) == (Outcome.REFUSED, rule, 200)
    assert world.host.received == []


def test_a_name_in_capitals_is_the_name(world: World) -> None:
    with world.connection() as client:
        world.tunnel(client, f"{ALLOWED}:443")
        client.sendall(first_message("EXAMPLE.org"))
        assert client.recv(5)[0] == 0x16


def test_what_comes_with_the_request_is_looked_at(world: World) -> None:
    asked = f"CONNECT {ALLOWED}:443 HTTP/1.1\r\nHost: {ALLOWED}:443\r\n\r\n".encode()
    assert world.talk(asked + first_message("evil.org")) == ESTABLISHED + ALERT
    assert world.record().rule == "server-name"


def test_a_tunnel_that_ends_at_once_is_recorded(world: World) -> None:
    with world.connection() as client:
        world.tunnel(client, f"{ALLOWED}:443")
    assert world.record().rule == "tls"


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("evil.org:443", "allow-list"),
        ("example.org:22", "allow-list"),
        ("example.org:80", "request-form"),
        ("example.org", "request-form"),
        ("127.0.0.1:443", "ip-literal"),
        ("[::1]:443", "ip-literal"),
        ("::1:443", "host-name"),
        ("0x7f000001:443", "ip-literal"),
        ("user@example.org:443", "userinfo"),
        ("example.org:443@evil.org:443", "userinfo"),
        ("https://example.org:443", "host-name"),
        ("example.org:", "request-form"),
        ("example.org:0", "host-name"),
        ("example.org:44300000", "host-name"),
        (":443", "host-name"),
        ("evil.org:443#.below.org:443", "host-name"),
    ],
)
def test_what_is_not_allowed_is_refused(world: World, target: str, rule: str) -> None:
    with world.connection() as client:
        reply = world.tunnel(client, target)
    assert rule_of(reply) == rule
    assert (world.judged, world.host.connections) == ([], 0)


def test_the_header_host_must_agree(world: World) -> None:
    for host, rule in (
        ("evil.org:443", "host-header"),
        ("example.org:444", "host-header"),
        ("127.0.0.1", "ip-literal"),
    ):
        reply = world.talk(f"CONNECT {ALLOWED}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert rule_of(reply) == rule
    assert world.host.connections == 0


@pytest.mark.parametrize("host", ["Host: EXAMPLE.org\r\n", "Host: example.org:443\r\n", ""])
def test_a_header_host_that_agrees_passes(world: World, host: str) -> None:
    with world.connection() as client:
        version = "1.1" if host else "1.0"
        client.sendall(f"CONNECT {ALLOWED}:443 HTTP/{version}\r\n{host}\r\n".encode())
        assert client.recv(100) == ESTABLISHED


def test_a_body_of_a_tunnel_is_refused(world: World) -> None:
    start = f"CONNECT {ALLOWED}:443 HTTP/1.1\r\nHost: {ALLOWED}\r\n"
    assert rule_of(world.talk(f"{start}Content-Length: 5\r\n\r\nhello".encode())) == "framing"


def test_the_judge_may_be_against_a_tunnel(folder: Path) -> None:
    def judge(request: EgressRequest) -> EgressVerdict:
        return EgressVerdict(request.method != "CONNECT", "no tunnels")

    with World(folder, Host(), judge=judge) as world, world.connection() as client:
        assert rule_of(world.tunnel(client)) == "policy"
        assert b"no tunnels" in read_all(client)
        assert world.host.connections == 0


def test_an_address_is_checked_after_the_look_up(folder: Path) -> None:
    with World(folder, Host(), private=()) as world, world.connection() as client:
        assert rule_of(world.tunnel(client)) == "address"
        assert world.host.connections == 0


def test_a_listed_port_may_be_for_something_else(folder: Path) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        peer.sendall(b"220 speaks first\r\n")
        while data := peer.recv(100):
            peer.sendall(data.upper())

    with World(folder, Host(serve)) as world, world.connection() as client:
        assert world.tunnel(client) == ESTABLISHED
        assert client.recv(100) == b"220 speaks first\r\n"
        client.sendall(b"helo")
        assert client.recv(100) == b"HELO"
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
        assert world.record().outcome is Outcome.ALLOWED


def test_tls_on_a_listed_port_must_have_the_name(folder: Path, certified: ssl.SSLContext) -> None:
    with World(folder, Host(tls=certified)) as world, world.connection() as client:
        world.tunnel(client)
        client.sendall(first_message("evil.org"))
        assert read_all(client) == ALERT
        assert world.record().rule == "server-name"


def test_a_first_message_without_end_is_refused(folder: Path) -> None:
    with World(folder, Host(), limits=EgressLimits(head=2000)) as world:
        with world.connection() as client:
            world.tunnel(client)
            client.sendall(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + b"\0" * 3000)
            assert read_all(client) == ALERT
        assert world.record().rule == "limit"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_name_that_is_no_text_is_refused() -> None:
    reader = ServerName()
    data = first_message("example.org").replace(b"example.org", b"ex\xe4mple.org")
    with pytest.raises(NotTls):
        reader.feed(data)
