"""Answers that only the right server can give."""

from __future__ import annotations

import asyncio
import pickle
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.runtime.backends.asking import POLICY, TRACE
from tests.runtime.server.processes import running

import policyc
from policyc.runtime.backends.http import Question, Server
from policyc.runtime.backends.proving import Proved, ServerUnproved
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Relay = Callable[[bytes, httpx.Response], tuple[bytes, str]]

KEY = "k" * 32
EXPECTED = policyc.Policy.from_string(POLICY).analyze(TRACE).to_dict()


@pytest.fixture(scope="module")
def proving() -> Iterator[str]:
    """The address of a server that knows the key."""
    with running(key=KEY) as server:
        yield server.url


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYC_SERVER_KEY", KEY)


def _policy(url: str) -> policyc.Policy:
    return policyc.Policy.from_string(POLICY, backend=url)


@pytest.mark.parametrize("interface", ["", "session+", "stateless+"])
def test_a_server_that_knows_the_key_is_believed(proving: str, interface: str) -> None:
    policy = _policy(interface + proving)
    if interface:
        assert policy.analyze(TRACE).violations
        assert asyncio.run(policy.a_analyze(TRACE)).violations
        return
    assert policy.analyze(TRACE).to_dict() == EXPECTED
    assert policy.analyze_pending(TRACE, TRACE).violations
    assert asyncio.run(policy.a_analyze(TRACE)).to_dict() == EXPECTED
    assert policy.monitor().append(TRACE[0]).violations
    again = pickle.loads(pickle.dumps(policy))
    assert again.analyze(TRACE).to_dict() == EXPECTED


@pytest.mark.parametrize("interface", ["", "session+", "stateless+"])
def test_one_that_does_not_is_not(server: str, interface: str) -> None:
    policy = _policy(interface + server)
    with pytest.raises(ServerUnproved, match="started without the key"):
        policy.analyze(TRACE)
    with pytest.raises(ServerUnproved):
        asyncio.run(policy.a_analyze(TRACE))
    with pytest.raises(ServerUnproved):
        policy.monitor().append(TRACE[0])


def test_one_with_another_key_is_not(proving: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYC_SERVER_KEY", "K" * 32)
    with pytest.raises(ServerUnproved):
        _policy(proving).analyze(TRACE)


def test_clients_without_a_key_are_served(proving: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLICYC_SERVER_KEY")
    assert _policy(proving).analyze(TRACE).to_dict() == EXPECTED
    assert "policyc-proof" not in httpx.get(proving).headers


@contextmanager
def relaying(url: str, relay: Relay, change: Callable[[bytes], bytes] = bytes) -> Iterator[str]:
    """Somebody in between, who changes questions, and gives of each answer the body and the proof
    that `relay` says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {
                name: self.headers[name]
                for name in ("policyc-nonce", "content-type")
                if name in self.headers
            }
            answer = httpx.request(
                self.command, url + self.path, content=change(body), headers=headers
            )
            told, proof = relay(body, answer)
            self.send_response(answer.status_code)
            self.send_header("content-length", str(len(told)))
            self.send_header("policyc-proof", proof)
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_DELETE = _relay

        def log_message(self, *_arguments: Any) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}"
    finally:
        made.shutdown()
        made.server_close()


def _honest(_body: bytes, answer: httpx.Response) -> tuple[bytes, str]:
    return answer.content, answer.headers.get("policyc-proof", "")


def test_whoever_only_passes_things_on_is_no_harm(proving: str) -> None:
    with relaying(proving, _honest) as url:
        assert _policy(url).analyze(TRACE).to_dict() == EXPECTED


def test_a_changed_question_is_noticed(proving: str) -> None:
    with (
        relaying(proving, _honest, lambda body: body.replace(b"banana", b"cherry", 1)) as url,
        pytest.raises(ServerUnproved),
    ):
        _policy(url).analyze(TRACE)


def test_a_changed_answer_is_noticed(proving: str) -> None:
    def milder(_body: bytes, answer: httpx.Response) -> tuple[bytes, str]:
        return answer.content.replace(b"low", b"LOW"), answer.headers.get("policyc-proof", "")

    with relaying(proving, milder) as url, pytest.raises(ServerUnproved):
        _policy(url).analyze(TRACE)


def test_an_older_answer_is_noticed(proving: str) -> None:
    kept: dict[bytes, tuple[bytes, str]] = {}

    def older(body: bytes, answer: httpx.Response) -> tuple[bytes, str]:
        return kept.setdefault(body, _honest(body, answer))

    with relaying(proving, older) as url:
        policy = _policy(url)
        assert policy.analyze(TRACE).to_dict() == EXPECTED
        with pytest.raises(ServerUnproved):
            policy.analyze(TRACE)


@pytest.mark.parametrize("path", ["/", "/health", "/version", "/metrics", "/openapi.json?x=%20y"])
def test_each_path_is_proved(proving: str, path: str) -> None:
    assert httpx.get(proving + path, auth=Proved(KEY)).status_code == 200


@pytest.mark.parametrize(
    ("key", "told"), [("short", "has fewer than 32 characters"), ("\udcff" * 32, "plain ASCII")]
)
def test_what_can_be_no_key_is_refused(
    key: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_SERVER_KEY", key)
    with pytest.raises(BackendError, match=f"POLICYC_SERVER_KEY .*{told}"):
        Server("http://127.0.0.1:1")


def test_a_password_in_the_address_is_sent_and_not_told() -> None:
    headers: list[str] = []

    class Noting(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            headers.append(request.headers.get("authorization", ""))
            return httpx.Response(200, json={})

    with (
        httpx.Client(auth=Proved(KEY), transport=Noting()) as client,
        pytest.raises(ServerUnproved) as caught,
    ):
        client.get("http://me:sesame@policies.example/x")
    assert headers == [httpx.BasicAuth("me", "sesame")._auth_header]
    assert "sesame" not in str(caught.value) and "policies.example" in str(caught.value)
    server = Server("http://me:sesame@127.0.0.1:1", timeout=0.5)
    with pytest.raises(BackendError, match=r"^http://127.0.0.1:1 ") as unreachable:
        server.ask(Question("GET", "/version"))
    assert "sesame" not in str(unreachable.value)
