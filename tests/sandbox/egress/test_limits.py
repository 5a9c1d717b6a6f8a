"""Bounds: what is too much or too slow ends, and holds up nobody else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.egress.hosts import Host, answer, read_request
from tests.sandbox.egress.world import World, read_all, rule_of

from policyc.runtime.sandbox.egress.limits import EgressLimits
from policyc.runtime.sandbox.egress.records import Outcome
from policyc.runtime.sandbox.failures import InvalidSpec

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from pathlib import Path

    from policyc.runtime.sandbox.egress.records import EgressRecord


def drain(client: socket.socket) -> None:
    """Read on until the connection ends, however it does."""
    with suppress(ConnectionError):
        read_all(client)


@pytest.mark.parametrize("name", [one.name for one in fields(EgressLimits)])
@pytest.mark.parametrize("value", [0, -1, True, "1", None, float("nan")])
def test_a_limit_that_is_none_is_an_error(name: str, value: object) -> None:
    with pytest.raises(InvalidSpec, match=f"`{name}`"):
        EgressLimits(**{name: value})  # type: ignore[arg-type]


def test_a_head_that_is_too_long_is_refused(folder: Path) -> None:
    with World(folder, Host(), limits=EgressLimits(head=1000)) as world:
        assert world.get(None, "X: " + "a" * 500).startswith(b"HTTP/1.1 200")
        for headers in (["X: " + "a" * 1000], ["X: a"] * 300):
            assert world.get(None, *headers).startswith(b"HTTP/1.1 431 Refused by rule limit")
        assert len(world.host.received) == 1


def test_a_head_without_end_is_refused(folder: Path) -> None:
    with World(folder, Host(), limits=EgressLimits(head=1000)) as world:
        assert world.talk(b"GET " + b"a" * 5000).startswith(b"HTTP/1.1 431 Refused by rule limit")


def test_a_body_that_is_too_long_is_refused_before_it_is_judged(folder: Path) -> None:
    with World(folder, Host(), limits=EgressLimits(body=1000)) as world:
        reply = world.get(None, "Content-Length: 1001")
        assert reply.startswith(b"HTTP/1.1 413 Refused by rule limit")
        assert world.judged == []


def test_chunks_that_are_too_long_are_refused(folder: Path) -> None:
    with World(folder, Host(), limits=EgressLimits(body=1000)) as world:
        start = f"POST http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n"
        start += "Transfer-Encoding: chunked\r\n\r\n"
        reply = world.talk(start.encode() + b"190\r\n" + b"a" * 400 + b"\r\n3e8\r\n" + b"b" * 1000)
        assert reply.startswith(b"HTTP/1.1 413 Refused by rule limit")
        assert world.host.received == []


def test_a_client_that_is_slow_with_its_head_is_ended_and_holds_up_nobody(folder: Path) -> None:
    """Slow loris, as many of them as may be."""
    limits = EgressLimits(head_seconds=1.5, connections=20)
    with World(folder, Host(), limits=limits) as world:
        slow = [world.connection() for _ in range(19)]
        clients = [one.__enter__() for one in slow]
        for client in clients:
            client.sendall(b"GET http://exa")
        assert world.get().startswith(b"HTTP/1.1 200")
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.1):
                for client in clients:
                    try:
                        client.sendall(b"a")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        replies = [read_all(client) for client in clients]
        stop.set()
        dripping.join()
        for one in slow:
            one.__exit__(None, None, None)
        assert all(reply.startswith(b"HTTP/1.1 408 Refused by rule limit") for reply in replies)


def test_a_connection_too_many_is_turned_away(folder: Path) -> None:
    with World(folder, Host(), limits=EgressLimits(connections=2)) as world:
        with world.connection() as first, world.connection() as second:
            for one in (first, second):
                one.sendall(b"GET ")
            with world.connection() as third:
                assert b"503 Refused by rule limit" in read_all(third)
        world.record(3)
        assert {record.rule for record in world.records} == {"limit", "request-form"}
        assert world.get().startswith(b"HTTP/1.1 200")


def test_a_connection_without_a_request_is_recorded(folder: Path) -> None:
    with World(folder, Host(), limits=EgressLimits(idle_seconds=0.2)) as world:
        with world.connection() as client:
            assert read_all(client) == b""
        record = world.record()
        assert (record.outcome, record.method, record.port) == (Outcome.REFUSED, "", 0)
        assert record.reason == "the connection ended without a request"


def test_a_host_that_does_not_answer_is_given_up(folder: Path) -> None:
    gone = threading.Event()

    def serve(_host: Host, peer: socket.socket) -> None:
        read_request(peer)
        gone.wait(20)
        peer.close()

    with World(folder, Host(serve), limits=EgressLimits(idle_seconds=0.5)) as world:
        assert world.get().startswith(b"HTTP/1.1 504 Refused by rule limit")
        gone.set()


def test_a_tunnel_where_nothing_happens_is_ended(folder: Path) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        read_all(peer)

    with World(folder, Host(serve), limits=EgressLimits(idle_seconds=0.5)) as world:
        with world.connection() as client:
            world.tunnel(client)
            client.sendall(b"x")
            assert read_all(client) == b""
        assert world.record().rule == "limit"


def test_a_tunnel_with_traffic_in_one_direction_goes_on(folder: Path) -> None:
    pause = threading.Event()

    def serve(_host: Host, peer: socket.socket) -> None:
        for _ in range(10):
            pause.wait(0.3)
            peer.sendall(b"tick")

    limits = EgressLimits(idle_seconds=1.5)
    with World(folder, Host(serve), limits=limits) as world, world.connection() as client:
        world.tunnel(client)
        client.sendall(b"x")
        assert read_all(client) == b"tick" * 10


def test_a_connection_has_an_end(folder: Path) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        while True:
            peer.sendall(b"x" * 1000)

    with World(folder, Host(serve), limits=EgressLimits(connection_seconds=0.5)) as world:
        with world.connection() as client:
            world.tunnel(client)
            client.sendall(b"x")
            drain(client)
        assert world.record().outcome is Outcome.FAILED


def test_all_bytes_together_have_a_bound(folder: Path) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(answer(b"x" * 60_000))

    with World(folder, Host(serve), limits=EgressLimits(total_bytes=100_000)) as world:
        assert world.get().endswith(b"x" * 60_000)
        assert not world.get().endswith(b"x" * 60_000)
        assert world.get().startswith(b"HTTP/1.1 503 Refused by rule limit")
        assert [world.record(number).rule for number in (1, 2, 3)] == ["", "limit", "limit"]


def test_a_client_that_does_not_read_holds_up_nobody(folder: Path) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(answer(b"x" * 30_000_000))

    limits = EgressLimits(idle_seconds=1)
    with World(folder, Host(serve), limits=limits) as world, world.connection() as client:
        url = f"http://{world.authority}/"
        client.sendall(f"GET {url} HTTP/1.1\r\nHost: {world.authority}\r\n\r\n".encode())
        assert len(world.get()) > 30_000_000
        world.record(2)
        assert {record.rule for record in world.records} == {"", "limit"}


def test_a_look_up_that_hangs_holds_up_nobody(folder: Path) -> None:
    go_on = threading.Event()

    class Slow(World):
        def _resolve(self, host: str, port: int) -> Sequence[str]:
            if host == "slow.below.org":
                go_on.wait()
            return super()._resolve(host, port)

    with Slow(folder, Host(), limits=EgressLimits(connect_seconds=1)) as world:
        with ThreadPoolExecutor() as threads:
            url = f"http://slow.below.org:{world.host.port}/"
            slow = threads.submit(world.get, url)
            assert world.get().startswith(b"HTTP/1.1 200")
            assert slow.result().startswith(b"HTTP/1.1 504 Refused by rule upstream")
        go_on.set()


def test_a_hundred_connections_at_once(folder: Path) -> None:
    together = threading.Barrier(100)

    def serve(_host: Host, peer: socket.socket) -> None:
        request = read_request(peer)
        together.wait(200)  # each is answered only when all are there
        peer.sendall(answer(request.split()[1] * 1000))

    patient = EgressLimits(
        head_seconds=200, idle_seconds=200, connect_seconds=200, judge_seconds=200
    )
    with (
        World(folder, Host(serve), limits=patient) as world,
        ThreadPoolExecutor(100) as threads,
    ):
        urls = [f"http://{world.authority}/{number}" for number in range(100)]
        replies = list(threads.map(world.get, urls))
        for number, reply in enumerate(replies):
            assert reply.endswith(b"\r\n\r\n" + f"/{number}".encode() * 1000)
        world.record(100)
        assert {record.outcome for record in world.records} == {Outcome.ALLOWED}
        assert sorted(record.connection for record in world.records) == list(range(1, 101))


def test_a_proxy_that_is_closed_cuts_what_runs_and_records_it(folder: Path) -> None:
    def serve(_host: Host, peer: socket.socket) -> None:
        read_request(peer)
        while True:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 10_000)
            peer.sendall(b"x" * 1_000_000)

    records: list[EgressRecord] = []
    with World(folder, Host(serve), log=records.append) as world, world.connection() as client:
        url = f"http://{world.authority}/"
        client.sendall(f"GET {url} HTTP/1.1\r\nHost: {world.authority}\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        with world.connection() as idle:
            idle.sendall(b"GET ")
            world.proxy.close()
            drain(client)
        assert {record.outcome for record in records} == {Outcome.FAILED}
        assert {record.reason for record in records} == {"the proxy ended the connection"}
        assert not (folder / "proxy.sock").exists()
        world.proxy.close()
    assert not [one for one in threading.enumerate() if one.name == "policyc-egress"]


def test_rule_of_tells_a_refusal() -> None:
    assert rule_of(b"HTTP/1.1 403 Refused by rule policy\r\n") == "policy"
    assert rule_of(answer()) == ""
