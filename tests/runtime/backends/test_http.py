"""Policies that a server evaluates: what is asked, and what becomes of every way to fail."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.server.processes import running
from tests.traces import output, user

import policyc
from policyc.runtime.backends import breaker, http
from policyc.runtime.backends.breaker import Breaker, CircuitOpen
from policyc.runtime.backends.http import (
    BadAnswer,
    Question,
    Server,
    ServerRefused,
    ServerTimeout,
    ServerUnreachable,
)
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCE = """\
raise Violation("a banana [risk=low]", m) if:
    (m: Message)
    "banana" in m.content
"""
BAD = [user("no"), user("a banana")]
GOOD = [user("no")]

Answer = tuple[int, bytes] | None
"""Status and body of an answer; None: the connection is closed without one."""


@contextmanager
def answering(
    answer: Callable[[int, str, str], Answer], address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[tuple[str, list[str]]]:
    """A server that answers as a function says, which gets the number of the request, its method
    and path; its address, and the requests so far."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            asked.append(f"{self.command} {self.path}")
            found = answer(len(asked), self.command, self.path)
            if found is None:
                self.close_connection = True
                return
            status, body = found
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *_arguments: Any) -> None:
            pass

    made = ThreadingHTTPServer(address, Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://{address[0]}:{made.server_port}", asked
    finally:
        made.shutdown()
        made.server_close()


def remote(backend: str) -> policyc.Policy:
    return policyc.Policy.from_string(SOURCE, backend=backend)


# --- what is asked


def test_the_server_is_asked_what_it_is_once(server: str) -> None:
    policy = remote(server)
    assert (
        policy.analyze(BAD).to_dict() == policyc.Policy.from_string(SOURCE).analyze(BAD).to_dict()
    )
    assert not policy.analyze(GOOD)


def test_results_of_pending_events(server: str) -> None:
    policy = remote(server)
    assert not policy.analyze_pending(BAD, GOOD)
    for _ in range(2):
        assert [one.ranges[0] for one in policy.analyze_pending(GOOD, BAD)] == ["2"]
    with pytest.raises(policyc.UnhandledViolations):
        policy.analyze_pending(GOOD, BAD, raise_on_violation=True)


@pytest.mark.parametrize("prefix", ["v1", "session", "stateless"])
def test_the_event_loop_goes_on(server: str, prefix: str) -> None:
    async def ask() -> list[bool]:
        policy = remote(f"{prefix}+{server}")
        found = await asyncio.gather(
            *(policy.a_analyze(BAD) for _ in range(5)), policy.a_analyze_pending(BAD, GOOD)
        )
        with pytest.raises(policyc.UnhandledViolations):
            await policy.a_analyze(BAD, raise_on_violation=True)
        return [one.blocked for one in found]

    assert asyncio.run(ask()) == [True] * 5 + [False]


@pytest.mark.parametrize("prefix", ["v1", "session", "stateless"])
def test_a_monitor_reports_what_is_new(server: str, prefix: str) -> None:
    policy = remote(f"{prefix}+{server}")
    monitor = policy.monitor()
    assert [len(monitor.append(event)) for event in [*BAD, *GOOD, *BAD]] == [0, 1, 0, 0, 1]
    assert len(monitor.check(GOOD, BAD)) == 1
    assert len(monitor.check(GOOD, BAD)) == 0
    monitor.reset()
    assert [len(monitor.append(event)) for event in BAD] == [0, 1]
    assert len(monitor.analyze([*BAD, *BAD])) >= 1
    policy.close()


def test_a_policy_can_be_pickled(server: str) -> None:
    again = pickle.loads(pickle.dumps(remote(server)))
    assert again.analyze(BAD).blocked


def test_threads_share_a_policy(server: str) -> None:
    policy = remote(server)
    found: list[bool] = []

    def ask() -> None:
        found.extend(policy.analyze(trace).blocked for trace in (BAD, GOOD) * 10)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False] * 80 + [True] * 80


def test_a_trace_that_cannot_be_read_is_the_same_error(server: str) -> None:
    with pytest.raises(policyc.TraceError) as ours:
        policyc.Policy.from_string(SOURCE).analyze([{"what": 1}])
    with pytest.raises(policyc.TraceError) as theirs:
        remote(server).analyze([{"what": 1}])
    assert str(theirs.value) == str(ours.value)


def test_a_policy_that_the_server_cannot_compile_is_an_error_of_the_policy() -> None:
    diagnostic = {
        "code": "E0601",
        "severity": "error",
        "message": "not installed here",
        "help": "install it",
        "path": None,
        "line": 2,
        "column": 5,
    }
    detail = {"kind": "policy", "message": "the policy has errors", "diagnostics": [diagnostic]}
    with (
        answering(lambda *_: (422, json.dumps({"detail": detail}).encode())) as (address, _),
        pytest.raises(policyc.PolicyError) as caught,
    ):
        remote(f"v1+{address}").analyze(BAD)
    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.column) == ("E0601", 2, 5)
    assert found.message == f"not installed here (says {address})"


def test_parameters_and_rules_that_fail(server: str) -> None:
    text = 'raise "x" if:\n    (m: Message)\n    input.word in m.content\n'
    policy = policyc.Policy.from_string(text, backend=server)
    assert policy.analyze(BAD, word="banana").blocked
    failed = policy.analyze(BAD)
    assert failed.blocked and not failed.violations
    assert "missing policy parameter `word`" in failed.errors[0].message
    for prefix in ("session", "stateless"):
        other = policyc.Policy.from_string(text, backend=f"{prefix}+{server}")
        assert "missing policy parameter" in other.analyze(BAD).errors[0].message
        with pytest.raises(BackendError, match="takes no parameters: `word`"):
            other.analyze(BAD, word="banana")


def test_a_token_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(token="secret-token") as found:
        address = found.url
        with pytest.raises(ServerRefused, match="401: the token is missing or wrong"):
            remote(address).analyze(BAD)
        monkeypatch.setenv(http.TOKEN_VARIABLE, "secret-token")
        policy = remote(address)
        assert policy.analyze(BAD).blocked
        assert "secret-token" not in repr(policy)


def test_sessions_are_made_again_when_the_server_was() -> None:
    with running() as found:
        address = found.url
        port = address.rpartition(":")[2]
        streams = remote(address)
        sessions = remote(f"session+{address}")
        monitor, other = streams.monitor(), sessions.monitor()
        assert not monitor.append(BAD[0]) and not other.append(BAD[0])
    with pytest.raises(ServerUnreachable):
        monitor.append(BAD[1])
    with running("--port", port):
        assert len(monitor.append(BAD[1])) == 1
        assert len(other.append(BAD[1])) == 1
        assert len(monitor.append(output("a banana"))) == 0


# --- what is refused before anything is asked


@pytest.mark.parametrize(
    "backend", ["elsewhere", "ftp://x", "v2+http://127.0.0.1:1", "http://", "v1+127.0.0.1"]
)
def test_what_is_no_backend_is_said(backend: str) -> None:
    with pytest.raises(BackendError, match="there is no backend"):
        remote(backend)


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(BackendError, match="`functions` cannot be sent"):
        policyc.Policy.from_string(SOURCE, functions={"f": len}, backend="http://127.0.0.1:1")
    with pytest.raises(BackendError, match="`limits` cannot be sent"):
        policyc.Policy.from_string(SOURCE, limits={"work": 9}, backend="http://127.0.0.1:1")


def test_several_files_are_not_one_text(tmp_path: Any, server: str) -> None:
    for name in "ab":
        (tmp_path / f"{name}.inv").write_text(SOURCE, "utf-8")
    paths = [tmp_path / "a.inv", tmp_path / "b.inv"]
    assert len(policyc.Policy.from_files(paths, backend=server).analyze(BAD)) == 2
    with pytest.raises(BackendError, match="takes one policy file"):
        policyc.Policy.from_files(paths, backend=f"session+{server}").analyze(BAD)


# --- what can go wrong


EMPTY = b'{"violations": [], "errors": [], "blocked": false}'


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(lambda *_: None) as (address, _):
        pass
    monkeypatch.setattr(http, "PAUSE_SECONDS", 0.001)
    with pytest.raises(ServerUnreachable, match=f"{address} cannot be reached"):
        remote(f"v1+{address}").analyze(BAD)


def test_a_broken_connection_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSE_SECONDS", 0.001)
    with answering(lambda n, *_: None if n < 3 else (200, EMPTY)) as (address, asked):
        assert not remote(f"v1+{address}").analyze(BAD)
        assert len(asked) == 3
    with answering(lambda *_: None) as (address, asked):
        with pytest.raises(ServerUnreachable):
            remote(f"v1+{address}").analyze(BAD)
        assert len(asked) == 3


def test_a_check_of_the_session_api_is_asked_once() -> None:
    """The server of Invariant does not report twice: asked again it would say that all is well."""

    def answer(_number: int, _method: str, path: str) -> Answer:
        if path.startswith("/session/new"):
            return 200, b'{"id": "s"}'
        if path.startswith("/monitor/new"):
            return 200, b'{"monitor_id": 1}'
        return None

    with answering(answer) as (address, asked):
        with pytest.raises(ServerUnreachable):
            remote(f"session+{address}").analyze_pending([], BAD)
        assert sum("/check" in one for one in asked) == 1


def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSE_SECONDS", 0.001)
    with answering(lambda n, *_: (503, b"busy") if n == 1 else (200, EMPTY)) as (address, asked):
        assert not remote(f"v1+{address}").analyze(BAD)
        assert len(asked) == 2
    with answering(lambda *_: (429, b'{"detail": "slower"}')) as (address, asked):
        with pytest.raises(ServerRefused, match="429: slower") as caught:
            remote(f"v1+{address}").analyze(BAD)
        assert (caught.value.status, len(asked)) == (429, 3)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_slow_server_is_not_waited_for() -> None:
    done = threading.Event()

    def answer(*_: Any) -> Answer:
        done.wait(20)
        return 200, EMPTY

    with answering(answer) as (address, _):
        asking = Server(address, timeout=0.3)
        with pytest.raises(ServerTimeout, match=r"did not answer within 0\.3 seconds"):
            asking.ask(Question("GET", "/version"))
        done.set()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b'"Invariant IPC Error"',
        b"[]",
        b"{}",
        b'{"violations": [], "errors": []}',
        b'{"violations": [], "errors": [], "blocked": true}',
        b'{"violations": [1], "errors": [], "blocked": true}',
        b'{"violations": null, "errors": [], "blocked": false}',
    ],
)
def test_an_answer_that_is_no_verdict_is_an_error(body: bytes) -> None:
    with answering(lambda *_: (200, body)) as (address, _), pytest.raises(BadAnswer):
        remote(f"v1+{address}").analyze(BAD)


@pytest.mark.parametrize("body", [b'"Invariant IPC Error: x"', b"{}", b"[1]", b'{"errors": "x"}'])
@pytest.mark.parametrize("interface", ["session", "stateless"])
def test_an_answer_that_is_no_list_of_findings_is_an_error(interface: str, body: bytes) -> None:
    def answer(_number: int, _method: str, path: str) -> Answer:
        if path.startswith("/session/new"):
            return 200, b'{"id": "s"}'
        if path.startswith("/policy/new"):
            return 200, b'{"policy_id": 1}'
        return 200, body

    with answering(answer) as (address, _), pytest.raises(BadAnswer):
        remote(f"{interface}+{address}").analyze(BAD)


def test_which_api_a_server_has_is_found_out() -> None:
    def answer(_number: int, _method: str, path: str) -> Answer:
        if path == "/version":
            return 404, b'{"detail": "Not Found"}'
        if path.startswith("/session/new"):
            return 200, b'{"id": "s"}'
        if path.startswith("/policy/new"):
            return 200, b'{"policy_id": 1}'
        return 200, b'{"errors": ["PolicyViolation(x [risk=medium])"]}'

    with answering(answer) as (address, _):
        (found,) = remote(address).analyze(BAD)
        assert (found.message, found.risk) == ("x [risk=medium]", "medium")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"name": "policyc", "protocol": 99}', "speaks protocol 99 of policyc"),
        (b'{"name": "other"}', "does not say what it is: name its API, as session"),
    ],
)
def test_a_server_of_another_kind_is_not_asked(body: bytes, message: str) -> None:
    with (
        answering(lambda *_: (200, body)) as (address, _),
        pytest.raises(BackendError, match=message),
    ):
        remote(address).analyze(BAD)


def test_a_server_that_fails_again_and_again_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now)
    circuit = Breaker(failures=2, pause=5)
    for _ in range(2):
        circuit.check("it")
        circuit.note(is_good=False)
    with pytest.raises(CircuitOpen, match=r"it failed 2 times in a row .* another 5\.0 seconds"):
        circuit.check("it")
    now += 5
    circuit.check("it")
    with pytest.raises(CircuitOpen):
        circuit.check("it")  # one request at a time sees whether it is well again
    circuit.note(is_good=True)
    circuit.check("it")


def test_the_circuit_is_that_of_the_server() -> None:
    with answering(lambda *_: (500, b"{}")) as (address, asked):
        policy = remote(f"v1+{address}")
        for _ in range(breaker.FAILURES):
            with pytest.raises(ServerRefused):
                policy.analyze(BAD)
        with pytest.raises(CircuitOpen):
            policy.analyze(BAD)
        assert len(asked) == breaker.FAILURES


@pytest.mark.parametrize("value", ["soon", "-1", "0", "nan"])
def test_a_timeout_that_is_no_time_is_said(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(http.TIMEOUT_VARIABLE, value)
    with pytest.raises(BackendError, match="is no number of seconds above 0"):
        remote("http://127.0.0.1:1")


# --- on the command line


def test_eval_asks_a_server(server: str, tmp_path: Any) -> None:
    (tmp_path / "p.inv").write_text(SOURCE, "utf-8")
    (tmp_path / "t.json").write_text(json.dumps(BAD), "utf-8")

    def run(*options: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "policyc", "eval", "p.inv", "t.json", *options]
        ended = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
        return ended.returncode, ended.stdout, ended.stderr

    code, shown, _ = run("--format", "json")
    assert code == 1
    assert run("--format", "json", "--backend", server) == (1, shown, "")
    code, shown, told = run("--backend", "v1+http://127.0.0.1:1")
    assert (code, shown) == (3, "")
    assert "cannot be reached" in told
    code, shown, told = run("--backend", "nowhere")
    assert (code, shown) == (3, "")
