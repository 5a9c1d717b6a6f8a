"""Requests that nobody has thought of: whatever comes, only the allowed host hears of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sandbox.egress.hosts import Host
from tests.sandbox.egress.test_tunnels import first_message
from tests.sandbox.egress.world import ALLOWED, World

from policyc.runtime.sandbox.egress.framing import check_length, find_end
from policyc.runtime.sandbox.egress.records import Refused
from policyc.runtime.sandbox.egress.server_name import NotTls, ServerName
from policyc.runtime.sandbox.egress.targets import read_target

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="egress") as name, World(Path(name), Host()) as world:
        yield world


PIECES = st.sampled_from(
    [
        b"GET", b"POST", b"CONNECT", b" ", b"  ", b"\t", b"\r\n", b"\n", b"\r", b"\0", b"\x0b",
        b"http://", b"https://", b"//", b"/", b"@", b":", b"#", b"?", b"\\", b"%2f", b"%40",
        b"example.org", b"evil.org", b"127.0.0.1", b"[::1]", b"2130706433", b":443", b":80", b".",
        b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"\r\n\r\n", b"\n\n",
        b"Host: ", b"Host : ", b"\r\nHost: example.org", b"Content-Length: 5",
        b"\r\nContent-Length: 5", b"\r\nTransfer-Encoding: chunked", b"Transfer-Encoding:\r\n ",
        b"5\r\nhello\r\n", b"0\r\n\r\n", b"hello", b"\x16\x03\x01", b"\xff",
    ]
)  # fmt: skip
LINE = st.sampled_from(
    [b"GET http://example.org/ HTTP/1.1\r\n", b"CONNECT example.org:443 HTTP/1.1\r\n", b""]
)
HEADS = st.builds(lambda line, pieces: line + b"".join(pieces), LINE, st.lists(PIECES, max_size=12))


@given(HEADS)
@settings(max_examples=100)
def test_the_proxy_answers_or_ends_and_reaches_no_other_host(world: World, head: bytes) -> None:
    """Also pipelined: what follows a head is a head of its own."""
    with world.connection() as client:
        client.sendall(head)
        client.shutdown(1)
        while client.recv(65536):
            pass
    assert set(world.looked_up) <= {ALLOWED}
    assert {request.host for request in world.judged} <= {ALLOWED}
    assert all(b"evil.org" not in sent.split(b"\r\n")[0] for sent in world.host.received)


@given(HEADS | st.binary(max_size=200), st.integers(1, 20))
@settings(max_examples=500)
def test_a_head_is_found_alike_in_whatever_pieces_it_comes(data: bytes, size: int) -> None:
    def outcome(step: int) -> object:
        seen = 0
        try:
            for end in range(step, len(data) + step, step):
                found = find_end(data[:end], seen, 150)
                if found is not None:
                    return found
                seen = min(end, len(data))
        except Refused:
            return "refused"
        return None

    assert outcome(size) == outcome(1)


@given(HEADS)
@settings(max_examples=1000)
def test_what_passes_is_read_by_the_parser_as_one_head(data: bytes) -> None:
    try:
        end = find_end(data, 0, 10_000)
        if end is None:
            return
        check_length(data[:end], 100)
    except Refused:
        return
    http = h11.Connection(h11.SERVER)
    http.receive_data(data[:end])
    try:
        event = http.next_event()
        assert isinstance(event, h11.Request)
        target = read_target(event)
    except (h11.RemoteProtocolError, Refused):
        return
    # Nothing is left of the head: parser and check agree on where it ends.
    assert http.next_event() in (h11.NEED_DATA, h11.EndOfMessage()) or http.trailing_data[0] == b""
    assert b"\n" not in event.target and target.host.isascii()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@given(st.binary(max_size=400), st.integers(0, 516))
@settings(max_examples=300)
def test_no_bytes_but_those_of_tls_have_a_name(noise: bytes, place: int) -> None:
    """A first message with some bytes replaced: read, unfinished or refused, no other fault."""
    message = first_message("example.org")
    data = message[:place] + noise + message[place + len(noise) :]
    reader = ServerName()
    try:
        if reader.feed(data):
            assert reader.name is None or reader.name.isascii()
    except NotTls:
        pass
