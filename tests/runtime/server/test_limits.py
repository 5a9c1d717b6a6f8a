"""Who may ask, how much, how deep, how slowly; and what the server says of itself."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.runtime.server.policies import SAYS_A, says
from tests.runtime.server.processes import running

from policyc.runtime.server.guard import depth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.server.processes import Server

TOKEN = "a-token"


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """A server that wants a token and allows little."""
    limits = ("--max-body", "0.1", "--max-sessions", "2", "--idle", "1", "--max-kept", "0.15")
    with running("--workers", "2", *limits, token=TOKEN) as found:
        yield found


@pytest.fixture
def known(strict: Server) -> Iterator[httpx.Client]:
    with strict.client(TOKEN) as found:
        yield found


# --- tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": TOKEN},
        {"authorization": "Basic x"},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": f"Bearer {TOKEN}x"},
    ],
)
def test_without_the_token_nothing_is_answered(strict: Server, given: dict[str, str]) -> None:
    with strict.client() as client:
        for path in ("/session/new", "/v1/policies", "/metrics", "/openapi.json", "/nowhere"):
            answer = client.get(path, headers=given)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        body = {"policy": "", "trace": []}
        assert client.post("/api/policy/analyze", json=body, headers=given).status_code == 401
        for path in ("/", "/health"):
            assert client.get(path, headers=given).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token(strict: Server, scheme: str) -> None:
    with strict.client() as client:
        found = client.get("/v1/policies", headers={"authorization": f"{scheme} {TOKEN}"})
        assert found.json() == {"policies": []}


# --- requests -------------------------------------------------------------------------------------


def test_large_bodies(known: httpx.Client) -> None:
    body = json.dumps({"policy": "x" * 200_000, "trace": []}).encode()
    kind = {"content-type": "application/json"}

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    for content in (body, pieces()):
        answer = known.post("/api/policy/analyze", content=content, headers=kind)
        assert (answer.status_code, answer.json()["detail"][:22]) == (413, "the body is larger tha")
        # The connection can be used again.
        assert known.get("/health").status_code == 200


NESTED = '{"policy": "", "trace": [{"role": "user", "content": %s}]}'


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (NESTED % ("[" * 90 + "]" * 90), 200),
        (NESTED % ("[" * 200 + "]" * 200), 422),
        ("[" * 90_000, 422),
        ('{"a":' * 15_000, 422),
        (NESTED % json.dumps("[" * 500), 200),
        (NESTED % json.dumps('\\"' + "[" * 500), 200),
        (NESTED % "NaN", 422),
        (NESTED % "-Infinity", 422),
        (NESTED % ("9" * 5000), 422),
        (NESTED % "1e999", 200),
        (NESTED % r'"\ud800"', 200),
        (NESTED % r'"\udc00\ud800"', 200),
        (b'{"policy": "\xff", "trace": []}', 422),
        ("\ufeff" + NESTED % '"a"', 422),
        ((NESTED % '"a"').encode("utf-16"), 422),
        ("", 422),
        ("nul", 422),
        ("{", 422),
        ('{"policy": "", "policy": "", "trace": []}', 200),
    ],
)
def test_bodies(client: httpx.Client, content: str | bytes, status: int) -> None:
    kind = {"content-type": "application/json"}
    answer = client.post("/api/policy/analyze", content=content, headers=kind)
    assert answer.status_code == status, answer.text
    assert answer.json()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/compile", {"sources": [1] * 300_000}),
        ("/v1/check", {"policy": "rm", "trace": [1] * 300_000}),
        ("/api/policy/analyze", {"policy": "", "trace": [None] * 300_000}),
    ],
)
def test_many_mistakes_are_told_in_few_words(client: httpx.Client, path: str, body: Any) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/problem+json", 200),
        (None, 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
def test_content_types(client: httpx.Client, kind: str | None, status: int) -> None:
    headers = {} if kind is None else {"content-type": kind}
    body = b'{"policy": "", "trace": []}'
    answer = client.post("/api/policy/analyze", content=body, headers=headers)
    assert answer.status_code == status


def test_pages_in_browsers_are_refused(client: httpx.Client) -> None:
    assert client.get("/session/new", headers={"origin": "http://a.test"}).status_code == 403


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        (b"[[[]]]", 3),
        (b'{"a": [{"b": []}, [], {}]}', 4),
        (b'["[[[[", "\\"[[[[", "\\\\", [[]]]', 3),
        (b'["\\\\\\"[[", []]', 2),
        (b"]]]][", 0),
    ],
)
def test_depth(text: bytes, levels: int) -> None:
    assert depth(text, 0) == levels
    assert depth(text, 100) == 0


# --- what is kept ---------------------------------------------------------------------------------


def test_sessions_are_limited_and_end(known: httpx.Client) -> None:
    time.sleep(1.1)  # those of other tests are over
    first = known.get("/session/new").json()["id"]
    assert known.get("/session/new").status_code == 200
    full = known.get("/session/new")
    assert (full.status_code, full.headers["retry-after"]) == (429, "60")
    assert known.get("/session/new", params={"session_id": first}).json() == {"id": first}
    time.sleep(1.1)
    assert known.get("/session/", params={"session_id": first}).status_code == 404
    assert known.get("/session/new").status_code == 200


def test_what_sessions_keep_is_limited(known: httpx.Client) -> None:
    time.sleep(1.1)
    session = {"session_id": known.get("/session/new").json()["id"]}
    large = {"rule": "#" * 90_000}
    assert known.post("/policy/new", params=session, json=large).status_code == 200
    assert known.post("/policy/new", params=session, json=large).status_code == 429
    assert known.post("/monitor/new", params=session, json=large).status_code == 429
    assert known.put("/policy/1", params=session, json=large).status_code == 429
    assert len(known.get("/policy/", params=session).json()) == 1
    assert known.delete("/policy/1", params=session).status_code == 200
    assert known.post("/monitor/new", params=session, json=large).status_code == 200
    assert known.get("/monitor/", params=session).json()[0]["monitor_id"] == 1


def test_the_events_of_sessions_are_limited(known: httpx.Client) -> None:
    time.sleep(1.1)
    made = known.post("/v1/sessions", json={"sources": [{"text": SAYS_A}]}).json()
    path = f"/v1/sessions/{made['id']}/events"
    large = {"events": [says("b" * 90_000)]}
    assert known.post(path, json=large).json()["events"] == 1
    assert known.post(path, json=large).status_code == 429
    assert known.post(path, json={"events": [says("a")]}).json()["events"] == 2


# --- slow clients ---------------------------------------------------------------------------------


def test_slow_clients_hinder_nobody(server: Server, client: httpx.Client) -> None:
    address = (httpx.URL(server.url).host, httpx.URL(server.url).port)
    head = b"POST /api/policy/analyze HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n"
    slow = [socket.create_connection(address) for _ in range(100)]
    try:
        for number, one in enumerate(slow):
            one.sendall(head if number % 2 else head + b"\r\n{")
        assert client.get("/session/new").status_code == 200
    finally:
        for one in slow:
            one.close()


def test_a_head_without_end_is_cut_off(server: Server) -> None:
    address = (httpx.URL(server.url).host, httpx.URL(server.url).port)
    with socket.create_connection(address) as one:
        one.settimeout(20)
        one.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            one.sendall(b"x" * 10_000_000)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    ],
)
def test_what_is_no_http(server: Server, raw: bytes) -> None:
    address = (httpx.URL(server.url).host, httpx.URL(server.url).port)
    with socket.create_connection(address) as one:
        one.settimeout(20)
        one.sendall(raw)
        assert one.recv(100).startswith(b"HTTP/1.1 400")


# --- figures and logs -----------------------------------------------------------------------------


def test_figures(server: Server, client: httpx.Client, session: str) -> None:
    def count(line: str) -> float:
        found = re.search(rf"^{re.escape(line)} (.*)$", client.get("/metrics").text, re.M)
        return float(found[1]) if found else 0

    checks = 'policyc_checks_total{outcome="done"}'
    route = 'policyc_requests_total{route="/monitor/{monitor_id}/check",status="200"}'
    wrong = 'policyc_requests_total{route="-",status="404"}'
    before = count(checks), count(route), count(wrong)
    client.post("/monitor/new", params={"session_id": session}, json={"rule": SAYS_A})
    body = {"past_events": [], "pending_events": [says("a")]}
    client.post("/monitor/1/check", params={"session_id": session}, json=body)
    client.get("/some/where")
    assert (count(checks), count(route), count(wrong)) == (
        before[0] + 2,
        before[1] + 1,
        before[2] + 1,
    )
    assert count('policyc_sessions{api="invariant"}') >= 1


def test_logs_have_no_bodies(server: Server, client: httpx.Client, session: str) -> None:
    mark = "a-word-of-the-trace"
    client.post("/monitor/new", params={"session_id": session}, json={"rule": SAYS_A})
    body: dict[str, Any] = {"past_events": [], "pending_events": [says(mark)]}
    answer = client.post("/monitor/1/check", params={"session_id": session}, json=body)
    assert mark not in answer.text
    client.post("/v1/check", json={"sources": [{"text": mark}], "trace": [{mark: mark}]})
    client.post("/v1/check", content=mark, headers={"content-type": "application/json"})
    number = answer.headers["x-request-id"]
    lines = server.log.read_text("utf-8").splitlines()[1:]
    assert mark not in "\n".join(lines)
    assert session not in "\n".join(lines)
    (line,) = [one for one in map(json.loads, lines) if one.get("request") == number]
    assert line["route"] == "/monitor/{monitor_id}/check"
    assert (line["method"], line["status"], line["event"]) == ("POST", 200, "request")
    assert set(line) == {
        "time",
        "level",
        "event",
        "request",
        "method",
        "route",
        "status",
        "seconds",
    }
