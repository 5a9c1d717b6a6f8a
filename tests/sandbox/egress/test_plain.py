"""Requests in plain HTTP: only what is allowed passes, written anew, and each is judged."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.egress.hosts import Host, answer, read_request
from tests.sandbox.egress.world import ALLOWED, World, read_all, rule_of

from policyc.runtime.sandbox.egress.limits import EgressLimits
from policyc.runtime.sandbox.egress.records import EgressRequest, EgressVerdict, Outcome

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    with World(folder, Host()) as world:
        yield world


def test_an_allowed_request_passes(world: World) -> None:
    reply = world.get(f"http://{world.authority}/a/b?key=secret")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n") and reply.endswith(b"\r\n\r\nhello")
    port = world.host.port
    url = f"http://{ALLOWED}:{port}/a/b?key=secret"
    assert world.judged == [EgressRequest("GET", ALLOWED, port, url)]
    assert world.judged[0].arguments() == {
        "method": "GET", "host": ALLOWED, "port": port, "url": url,
    }  # fmt: skip
    (sent,) = world.host.received
    assert sent.startswith(b"GET /a/b?key=secret HTTP/1.1\r\nHost: " + world.authority.encode())
    record = world.record()
    assert (record.method, record.host, record.port, record.path) == ("GET", ALLOWED, port, "/a/b")
    assert (record.outcome, record.rule, record.status) == (Outcome.ALLOWED, "", 200)
    assert (record.address, record.received) == ("127.0.0.1", len(reply))
    assert record.sent > 0 and record.seconds >= 0
    assert "secret" not in str(record.to_dict())


@pytest.mark.parametrize(
    "spelling", ["EXAMPLE.org", "example.org.", "ex%61mple.org", "EXAMPLE%2Eorg"]
)
def test_a_spelling_of_an_allowed_name_is_that_name(world: World, spelling: str) -> None:
    authority = f"{spelling}:{world.host.port}"
    assert world.get(f"http://{authority}/").startswith(b"HTTP/1.1 200")
    assert world.looked_up == [ALLOWED]
    assert b"Host: " + world.authority.encode() + b"\r\n" in world.host.received[0]


def test_a_name_below_an_allowed_one_passes(world: World) -> None:
    assert world.get(f"http://a.b.below.org:{world.host.port}/").startswith(b"HTTP/1.1 200")
    assert rule_of(world.get(f"http://below.org:{world.host.port}/")) == "allow-list"


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://evil.org/", "allow-list"),
        ("http://example.org.evil.org/", "allow-list"),
        ("http://evilexample.org/", "allow-list"),
        ("http://example.org:81/", "allow-list"),
        ("http://127.0.0.1/", "ip-literal"),
        ("http://2130706433/", "ip-literal"),
        ("http://0x7f.1/", "ip-literal"),
        ("http://0177.0.0.01/", "ip-literal"),
        ("http://[::1]/", "ip-literal"),
        ("http://[::ffff:7f00:1]/", "ip-literal"),
        ("http://%31%32%37.1/", "ip-literal"),
        ("http://169.254.169.254/latest/meta-data", "ip-literal"),
        ("http://user@example.org/", "userinfo"),
        ("http://user:password@example.org/", "userinfo"),
        ("http://example.org@evil.org/", "userinfo"),
        ("http://example.org%40evil.org/", "host-name"),
        ("http://evil.org%2f.example.org/", "host-name"),
        ("http://evil.org\\.below.org/", "request-form"),
        ("http://evil.org#.below.org/", "request-form"),
        ("http://evil.org%23.below.org/", "host-name"),
        ("http://a..below.org/", "host-name"),
        ("http:///", "host-name"),
        ("http://example.org:99999/", "host-name"),
        ("http://example.org:443/", "tls"),
        ("https://example.org/", "request-form"),
        ("ftp://example.org/", "request-form"),
        ("/", "request-form"),
        ("*", "request-form"),
        ("example.org", "request-form"),
    ],
)
def test_what_is_not_allowed_is_refused(world: World, url: str, rule: str) -> None:
    reply = world.get(url)
    assert rule_of(reply) == rule
    assert f"refused by the rule `{rule}`".encode() in reply
    record = world.record()
    assert (record.outcome, record.rule) == (Outcome.REFUSED, rule)
    assert (world.judged, world.looked_up, world.host.connections) == ([], [], 0)


@pytest.mark.parametrize("host", ["evil.org", "example.org:81", "", "a@b", "example.org, evil.org"])
def test_the_header_host_must_agree(world: World, host: str) -> None:
    assert rule_of(world.get(host=host)) in ("host-header", "host-name", "userinfo")
    assert world.host.connections == 0


def test_two_headers_host_are_refused(world: World) -> None:
    reply = world.get(None, "Host: evil.org")
    assert reply.startswith(b"HTTP/1.1 400 Refused by rule framing")
    assert world.host.connections == 0


def test_no_header_host_is_refused_but_in_the_old_version(world: World) -> None:
    url = f"http://{world.authority}/"
    assert rule_of(world.talk(f"GET {url} HTTP/1.1\r\n\r\n".encode())) == "framing"
    assert world.talk(f"GET {url} HTTP/1.0\r\n\r\n".encode()).startswith(b"HTTP/1.1 200")


SMUGGLED = b"GET http://evil.org/ HTTP/1.1\r\nHost: evil.org\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 4\r\nContent-Length: 4\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: 4, 4\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length: -4\r\n",
        b"Content-Length: 0x4\r\n",
        b"Content-Length: 4 4\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 4\r\n",
        b"Content-Length\t: 4\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"X: a\r\n b\r\n",
        b"X: a\r\n\tTransfer-Encoding: chunked\r\n",
        b"X: a\nTransfer-Encoding: chunked\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n",
        b"X: a\0b\r\n",
        b" X: a\r\n",
        b": a\r\n",
        b"X\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(world: World, headers: bytes) -> None:
    start = f"POST http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n".encode()
    reply = world.talk(start + headers + b"\r\n" + b"0\r\n\r\n" + SMUGGLED)
    assert rule_of(reply) == "framing"
    assert reply.count(b"HTTP/1.1") == 1
    assert (world.judged, world.host.connections) == ([], 0)


@pytest.mark.parametrize(
    "line",
    [
        b"GET  http://example.org/ HTTP/1.1",
        b"GET http://example.org/ HTTP/1.1 ",
        b"GET http://example.org/\tHTTP/1.1",
        b"GET http://example.org/ HTTP/2.0 x",
        b"GET http://example.org/",
        b"GET http://ex\xc3\xa4mple.org/ HTTP/1.1",
        b"G@T http://example.org/ HTTP/1.1",
        b"\r\nGET http://example.org/ HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_first_line_that_is_none_is_refused(world: World, line: bytes) -> None:
    reply = world.talk(line + b"\r\nHost: example.org\r\n\r\n")
    assert rule_of(reply) in ("framing", "request-form")
    assert (world.judged, world.host.connections) == ([], 0)


@pytest.mark.parametrize(
    "body",
    [
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"-1\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"5_0\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_a_bad_chunk_ends_the_request(world: World, body: bytes) -> None:
    start = f"POST http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n".encode()
    reply = world.talk(start + b"Transfer-Encoding: chunked\r\n\r\n" + body + SMUGGLED)
    assert rule_of(reply) == "framing"
    assert world.host.received == [] and len(world.judged) == 1


def test_chunks_are_written_anew(world: World) -> None:
    start = f"POST http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n".encode()
    body = b"3;ext=1\r\nabc\r\n002\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    reply = world.talk(start + b"Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n" + body)
    assert reply.startswith(b"HTTP/1.1 200")
    sent = world.host.received[0].partition(b"\r\n\r\n")[2]
    assert b"abc" in sent and b"de" in sent
    assert b"ext" not in sent and b"Trailer" not in sent


def test_a_body_of_known_length_arrives(world: World) -> None:
    body = bytes(range(256)) * 4096
    start = f"POST http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n"
    start += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    assert world.talk(start.encode() + body).startswith(b"HTTP/1.1 200")
    assert world.host.received[0].endswith(b"\r\n\r\n" + body)
    assert world.record().sent == len(start) + len(body)


def test_headers_of_one_hop_stay_here(world: World) -> None:
    world.get(
        None,
        "Connection: X-Drop, close",
        "X-Drop: 1",
        "X-Keep: 2",
        "Proxy-Authorization: Basic x",
        "Proxy-Connection: keep-alive",
        "Upgrade: websocket",
        "TE: trailers",
        "Keep-Alive: 5",
    )
    sent = world.host.received[0].lower()
    assert b"x-keep: 2\r\n" in sent and sent.count(b"connection:") == 1
    for name in (b"x-drop", b"proxy-", b"upgrade", b"te:", b"keep-alive"):
        assert name not in sent


def test_whoever_waits_to_go_on_is_told(world: World) -> None:
    with world.connection() as client:
        client.sendall(
            f"POST http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n"
            "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode()
        )
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(b"hi")
        assert read_all(client).startswith(b"HTTP/1.1 200")
    assert b"expect" not in world.host.received[0].lower()


def test_each_request_of_a_connection_is_judged(folder: Path) -> None:
    def judge(request: EgressRequest) -> EgressVerdict:
        is_fine = str(request.url).endswith("/fine")
        return EgressVerdict(is_fine, "" if is_fine else "only /fine is fine")

    with World(folder, Host(), judge=judge) as world:
        asked = [
            f"GET http://{world.authority}/{path} HTTP/1.1\r\nHost: {world.authority}\r\n\r\n"
            for path in ("fine", "fine", "other", "fine")
        ]
        reply = world.talk("".join(asked).encode())  # all at once
        assert reply.count(b"HTTP/1.1 200") == 2
        assert reply.count(b"HTTP/1.1 403 Refused by rule policy") == 1
        assert reply.endswith(b": only /fine is fine\n")  # a refusal ends the connection
        assert len(world.judged) == 3 and len(world.host.received) == 2
        world.record(3)
        assert [(one.connection, one.path, one.outcome) for one in world.records] == [
            (1, "/fine", Outcome.ALLOWED),
            (1, "/fine", Outcome.ALLOWED),
            (1, "/other", Outcome.REFUSED),
        ]


def test_a_redirect_is_only_an_answer(folder: Path) -> None:
    def redirect(host: Host, peer: socket.socket) -> None:
        host.received.append(read_request(peer))
        peer.sendall(answer(b"", "Location: http://evil.org/", status="302 Found"))

    with World(folder, Host(redirect)) as world:
        reply = world.get()
        assert b"302 Found" in reply and b"http://evil.org/" in reply
        assert rule_of(world.get("http://evil.org/")) == "allow-list"
        assert world.looked_up == [ALLOWED]


def _fail(_request: EgressRequest) -> EgressVerdict:
    raise ValueError("the key is 1234")


def test_a_judge_that_fails_refuses(folder: Path) -> None:
    with World(folder, Host(), judge=_fail) as world:
        reply = world.get()
        assert rule_of(reply) == "policy" and b"1234" not in reply
        assert "ValueError: the key is 1234" in world.record().reason
        assert world.host.connections == 0


@pytest.mark.parametrize("answered", [None, True, "allow", EgressVerdict(1)])  # type: ignore[arg-type]
def test_a_judge_that_makes_no_sense_refuses(folder: Path, answered: object) -> None:
    with World(folder, Host(), judge=lambda _: answered) as world:  # type: ignore[arg-type,return-value]
        assert rule_of(world.get()) == "policy"
        assert world.host.connections == 0


def test_a_judge_that_hangs_refuses_and_holds_up_nobody(folder: Path) -> None:
    go_on = threading.Event()

    def judge(request: EgressRequest) -> EgressVerdict:
        if str(request.url).endswith("/hang"):
            go_on.wait()
        return EgressVerdict(True)

    limits = EgressLimits(judge_seconds=1)
    with World(folder, Host(), judge=judge, limits=limits) as world, world.connection() as client:
        url = f"http://{world.authority}/hang"
        client.sendall(f"GET {url} HTTP/1.1\r\nHost: {world.authority}\r\n\r\n".encode())
        assert world.get().startswith(b"HTTP/1.1 200")
        assert rule_of(read_all(client)) == "policy"
        assert len(world.host.received) == 1
        go_on.set()


def test_a_fault_of_the_proxy_itself_lets_nothing_pass(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_event: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("policyc.runtime.sandbox.egress.connection.read_target", fail)
    with World(folder, Host()) as world:
        assert world.get() == b""
        record = world.record()
        assert record.outcome is Outcome.FAILED and "RuntimeError: a bug" in record.reason
        assert world.host.connections == 0


def test_a_reason_that_quotes_is_short_in_the_log(folder: Path) -> None:
    with World(folder, Host()) as world:
        assert rule_of(world.get(f"http://{'a' * 5000}.org/")) == "host-name"
        assert len(world.record().reason) < 600


def test_a_log_that_fails_closes_the_proxy(folder: Path) -> None:
    def log(_record: object) -> None:
        raise OSError("no room")

    with World(folder, Host(), log=log) as world:
        assert world.get().startswith(b"HTTP/1.1 200")
        while rule_of(reply := world.get()) != "audit":
            # The thread of the log comes soon, maybe in the middle of a request.
            assert reply.startswith(b"HTTP/1.1 200") or not reply
        assert b"the log cannot be written" in reply


PRIVATE = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_is_checked_after_the_look_up(folder: Path, address: str) -> None:
    with World(folder, Host(), private=(), addresses={ALLOWED: [address]}) as world:
        assert rule_of(world.get()) == "address"
        assert address in world.record().reason
        assert world.host.connections == 0


def test_a_name_is_looked_up_once(folder: Path) -> None:
    """A second look-up might give another address (DNS rebinding)."""
    with World(folder, Host()) as world:
        world.get()
        assert world.looked_up == [ALLOWED]
        assert world.record().address == "127.0.0.1"


def test_a_host_that_is_away_is_told(folder: Path) -> None:
    host = Host()
    host.__exit__()
    with World(folder, host) as world:
        assert world.get().startswith(b"HTTP/1.1 502 Refused by rule upstream")
        assert world.record().outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000,
    ],
)
def test_a_host_that_speaks_no_http_is_told(folder: Path, bad: bytes) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(bad)

    with World(folder, Host(serve)) as world:
        assert world.get().startswith(b"HTTP/1.1 502 Refused by rule upstream")


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_every_way_to_end_an_answer(folder: Path, given: bytes, body: bytes) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(given)

    with World(folder, Host(serve)) as world:
        reply = world.get()
        assert reply.startswith(b"HTTP/1.1 20") and body in reply
        assert world.record().outcome is Outcome.ALLOWED


def test_an_answer_that_breaks_off_is_no_whole_one(folder: Path) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    with World(folder, Host(serve)) as world:
        reply = world.get()
        assert b"ontent-" in reply and b"100" in reply and reply.endswith(b"only this")
        assert world.record().outcome is Outcome.FAILED


def test_an_answer_may_come_before_the_end_of_the_request(folder: Path) -> None:
    def serve(host: Host, peer: socket.socket) -> None:
        received = b""
        # What is not read before the end would reset the connection, answer and all.
        while not received.endswith(b"x" * 500):
            received += peer.recv(4096)
        host.received.append(received)
        peer.sendall(answer(b"too much", status="413 Too Large"))

    with World(folder, Host(serve)) as world:
        start = f"POST http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n"
        start += "Content-Length: 1000\r\n\r\n"
        reply = world.talk(start.encode() + b"x" * 500)
        assert b"413 Too Large" in reply and reply.endswith(b"too much")


def test_the_answer_to_head_has_no_body(world: World) -> None:
    reply = world.talk(b"HEAD http://evil.org/ HTTP/1.1\r\nHost: evil.org\r\n\r\n")
    assert rule_of(reply) == "allow-list" and reply.endswith(b"\r\n\r\n")
