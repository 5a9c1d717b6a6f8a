"""That the attacks of the other tests are real: each gets through where its check is taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.sandbox.egress.hosts import Host
from tests.sandbox.egress.test_tunnels import ALERT, first_message
from tests.sandbox.egress.world import World, read_all, rule_of

from policyc.runtime.sandbox.egress import checks, connection, targets, tunnel
from policyc.runtime.sandbox.egress.names import AllowList
from policyc.runtime.sandbox.egress.records import EgressRequest, EgressVerdict

if TYPE_CHECKING:
    import socket
    from pathlib import Path


def _nothing(*_arguments: object) -> None:
    """A check that lets everything pass."""


Patch = pytest.MonkeyPatch


def test_the_allow_list(folder: Path, monkeypatch: Patch) -> None:
    with World(folder, Host(), private=("evil.org",)) as world:
        url = f"http://evil.org:{world.host.port}/"
        assert rule_of(world.get(url)) == "allow-list"
        monkeypatch.setattr(AllowList, "check", _nothing)
        assert world.get(url).startswith(b"HTTP/1.1 200")


def test_the_addresses(folder: Path, monkeypatch: Patch) -> None:
    """A name on the list that leads into the machine itself."""
    with World(folder, Host(), private=()) as world:
        assert rule_of(world.get()) == "address"
        monkeypatch.setattr(checks, "is_public", lambda _address: True)
        assert world.get().startswith(b"HTTP/1.1 200")
        assert world.host.connections == 1


def test_the_judge(folder: Path, monkeypatch: Patch) -> None:
    def judge(_request: EgressRequest) -> EgressVerdict:
        return EgressVerdict(False)

    async def pass_all(_checks: object, _target: object) -> None:
        pass

    with World(folder, Host(), judge=judge) as world:
        assert rule_of(world.get()) == "policy"
        monkeypatch.setattr(checks.Checks, "decide", pass_all)
        assert world.get().startswith(b"HTTP/1.1 200")


def test_the_name_in_tls(folder: Path, monkeypatch: Patch) -> None:
    """The host of an allowed name that also serves another."""

    def serve(host: Host, peer: socket.socket) -> None:
        host.received.append(peer.recv(10_000))
        peer.sendall(b"served")

    with World(folder, Host(serve)) as world:
        for is_off in (False, True):
            if is_off:
                monkeypatch.setattr(tunnel, "check_server_name", _nothing)
            with world.connection() as client:
                world.tunnel(client)
                client.sendall(first_message("evil.org"))
                assert read_all(client) == (b"served" if is_off else ALERT)
        assert b"evil.org" in b"".join(world.host.received)


def test_the_header_host(folder: Path, monkeypatch: Patch) -> None:
    """What is judged is one name, what the request says is another."""
    with World(folder, Host()) as world:
        assert rule_of(world.get(host="evil.org")) == "host-header"
        monkeypatch.setattr(targets, "_check_host", _nothing)
        assert world.get(host="evil.org").startswith(b"HTTP/1.1 200")
        # The second net: the header is written anew, so that even then the other name is lost.
        assert b"evil.org" not in world.host.received[0]


def test_the_framing(folder: Path, monkeypatch: Patch) -> None:
    """The parser alone takes a request with two lengths."""
    with World(folder, Host()) as world:
        start = f"POST http://{world.authority}/ HTTP/1.1\r\nHost: {world.authority}\r\n"
        start += "Connection: close\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n"
        attack = start.encode() + b"0\r\n\r\nGET http://evil.org/ HTTP/1.1\r\n\r\n"
        assert rule_of(world.talk(attack)) == "framing"
        monkeypatch.setattr(connection, "check_length", _nothing)
        assert world.talk(attack).startswith(b"HTTP/1.1 200")


def test_bare_line_ends(folder: Path, monkeypatch: Patch) -> None:
    """The parser alone takes LF for CRLF, and folded headers."""

    def find_end(data: bytes, _seen: int, _limit: int) -> int | None:
        end = data.find(b"\r\n\r\n")
        return end + 4 if end >= 0 else None

    with World(folder, Host()) as world:
        for header in ("X: a\nY: b", "X: a\r\n Y: b"):
            monkeypatch.undo()
            assert rule_of(world.get(None, header)) == "framing"
            monkeypatch.setattr(connection, "find_end", find_end)
            assert world.get(None, header).startswith(b"HTTP/1.1 200")


def test_one_spelling_of_names(folder: Path, monkeypatch: Patch) -> None:
    """An address instead of a name, where it is on the list by somebody's mistake."""
    with World(folder, Host(), private=()) as world:
        url = f"http://2130706433:{world.host.port}/"
        assert rule_of(world.get(url)) == "ip-literal"
        monkeypatch.setattr(targets, "normalise", lambda host: host)
        monkeypatch.setattr(AllowList, "check", _nothing)
        monkeypatch.setattr(checks, "is_public", lambda _address: True)
        assert world.get(url).startswith(b"HTTP/1.1 200")
