"""`policyc serve`: what a request costs, beside one to a server that only says hello.

Both servers run at the same time and are asked in turns over kept connections, so that the ratios
hold on a busy machine. Times are those of the clock, as a client sees them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from queue import Empty, Queue
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from benchmarks.cases import FLOW
from benchmarks.results import Row, duration
from benchmarks.setting import Setting, agree
from benchmarks.trace_maker import make_long_trace, make_ordinary_events
from policyc import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFERENCE: Final = {"check": 0.050, "long check": 0.4, "session": 0.5}
"""Seconds that the Invariant analysis server (branch `openhands`, 069aa0a) took on two shared cores
for a check of a growing trace, one with 2,000 past events, and a session. It was measured once: it
is not installable from a registry."""

CLIENTS: Final = 8
"""That ask at the same time."""

_HELLO = """
import socket, sys, uvicorn

async def app(scope, receive, send):
    await receive()
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})

made = socket.create_server(("127.0.0.1", 0))
# asyncio does so only for sockets with a protocol; without it each answer waits for 40 ms.
made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(f"listens on http://127.0.0.1:{made.getsockname()[1]}", file=sys.stderr, flush=True)
config = uvicorn.Config(app, http="httptools", lifespan="off", access_log=False, log_level="error")
uvicorn.Server(config).run(sockets=[made])
"""


def serving(setting: Setting) -> Iterator[Row]:
    """Requests one after the other, and from several clients at once."""
    serve = [sys.executable, "-m", "policyc", "serve", "--port", "0"]
    with running(serve) as port, running([sys.executable, "-c", _HELLO]) as hello:
        with closing(Client(port)) as client, closing(Client(hello)) as other:
            yield from _alone(setting, client, other)
            paths = [client.new_monitor() for _ in range(CLIENTS)]
        yield from _together(setting, port, hello, paths)


# --- servers and clients --------------------------------------------------------------------------


@contextmanager
def running(command: list[str]) -> Iterator[int]:
    """A server that says on standard error where it listens; its port."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    # A log that nobody reads would stop the server.
    reader = threading.Thread(target=process.stderr.read, daemon=True)
    try:
        found = re.search(r"listens on http://127.0.0.1:(\d+)", process.stderr.readline())
        reader.start()
        if found is None:
            raise RuntimeError(f"{command[-1][:40]} does not listen")
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()
        reader.join()
        process.stderr.close()


class Client:
    """A connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)

    def close(self) -> None:
        self._connection.close()

    def ask(self, path: str, body: bytes | None = None) -> bytes:
        """The content of an answer; with a body the request is a POST."""
        headers = {"content-type": "application/json"}
        self._connection.request("GET" if body is None else "POST", path, body, headers)
        return self._connection.getresponse().read()

    def tell(self, path: str, **body: Any) -> Any:
        return json.loads(self.ask(path, json.dumps(body).encode()))

    def new_monitor(self) -> str:
        """The path of the checks of a monitor in a new session."""
        session = json.loads(self.ask("/session/new"))["id"]
        query = f"?session_id={session}"
        number = self.tell(f"/monitor/new{query}", rule=FLOW.source)["monitor_id"]
        return f"/monitor/{number}/check{query}"


def in_turns(count: int, **contenders: Callable[[], object]) -> dict[str, list[float]]:
    """The seconds of each of so many calls."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(count):
        for name, ask in contenders.items():
            start = perf_counter()
            ask()
            seconds[name].append(perf_counter() - start)
    return seconds


# --- one client -----------------------------------------------------------------------------------


def _alone(setting: Setting, client: Client, hello: Client) -> Iterator[Row]:
    is_quick = setting.effort.is_quick
    count = 30 if is_quick else 1000
    yield _sessions(client, 3 if is_quick else 50)
    yield _growing(client, 50 if is_quick else 200)
    yield _long(client, 5 if is_quick else 50)
    yield from _events(client, hello, count)


def _sessions(client: Client, count: int) -> Row:
    seconds = in_turns(count, session=client.new_monitor)["session"]
    return Row(
        "a session with a monitor: the Invariant server to policyc",
        REFERENCE["session"] / median(seconds),
        goal=10,
        stretch=50,
        more_is_better=True,
        note=_told(seconds),
    )


def _growing(client: Client, count: int) -> Row:
    """Checks as OpenHands makes them: the whole past is sent again with each event."""
    trace = make_long_trace(count)
    path = client.new_monitor()
    found, seconds = 0, []
    for number in range(len(trace)):
        body = {"past_events": trace[:number], "pending_events": trace[number : number + 1]}
        start = perf_counter()
        found += len(client.tell(path, **body))
        seconds.append(perf_counter() - start)
    policy = Policy.from_string(FLOW.source)
    wanted = sum(
        len(policy.analyze_pending(trace[:n], trace[n : n + 1])) for n in range(len(trace))
    )
    agree("a growing trace", embedded=wanted, served=found)
    return Row(
        f"session API, {len(trace)} checks of a growing trace: the Invariant server to policyc",
        REFERENCE["check"] / (sum(seconds) / len(seconds)),
        goal=5,
        stretch=10,
        more_is_better=True,
        note=_told(seconds),
    )


def _long(client: Client, count: int) -> Row:
    trace = make_ordinary_events(2001)
    body = json.dumps({"past_events": trace[:-1], "pending_events": trace[-1:]}).encode()
    path = client.new_monitor()
    seconds = in_turns(count, check=lambda: client.ask(path, body))["check"]
    return Row(
        "session API, a check with 2,000 past events: the Invariant server to policyc",
        REFERENCE["long check"] / median(seconds),
        goal=5,
        stretch=10,
        more_is_better=True,
        note=f"{_told(seconds)}, {len(body) // 1024} KiB",
    )


def _events(client: Client, hello: Client, count: int) -> Iterator[Row]:
    trace = make_ordinary_events(1000)
    made = client.tell("/v1/sessions", sources=[{"text": FLOW.source}])
    path = f"/v1/sessions/{made['id']}/events"
    fed = client.tell(path, events=trace)
    agree("a session of 1,000 events", wanted=1000, events=fed["events"])
    body = json.dumps({"events": trace[-1:]}).encode()
    small = json.dumps({"past_events": trace[:10], "pending_events": trace[10:11]}).encode()
    monitor = client.new_monitor()
    seconds = in_turns(
        count,
        hello=lambda: hello.ask("/", body),
        event=lambda: client.ask(path, body),
        check=lambda: client.ask(monitor, small),
    )
    yield Row(
        "/v1, one more event in a session of 1,000",
        median(seconds["event"]) * 1e3,
        unit="ms",
        goal=2,
        stretch=1,
        note=_told(seconds["event"]),
    )
    for name, what in (
        ("event", "/v1, one more event in a session of 1,000"),
        ("check", "session API, a check of ten past events"),
    ):
        yield Row(
            f"{what}: to hello",
            median(seconds[name]) / median(seconds["hello"]),
            goal=5,
            stretch=3,
            note=f"hello {_told(seconds['hello'])}; policyc {_told(seconds[name])}",
        )


# --- several clients ------------------------------------------------------------------------------


def _together(setting: Setting, port: int, hello: int, paths: list[str]) -> Iterator[Row]:
    trace = make_ordinary_events(11)
    body = json.dumps({"past_events": trace[:10], "pending_events": trace[10:]}).encode()
    count = 80 if setting.effort.is_quick else 2000
    rates: dict[str, list[float]] = {"hello": [], "check": []}
    seconds: list[float] = []
    for _ in range(1 if setting.effort.is_quick else 3):
        rates["hello"].append(_rate(hello, ["/"] * CLIENTS, body, count)[0])
        rate, each = _rate(port, paths, body, count)
        rates["check"].append(rate)
        seconds += each
    yield Row(
        f"session API, {CLIENTS} clients with a session each: requests a second, hello to policyc",
        median(a / b for a, b in zip(rates["hello"], rates["check"], strict=True)),
        goal=6,
        stretch=4,
        note=f"hello {median(rates['hello']):.0f}/s; policyc {median(rates['check']):.0f}/s, "
        f"{_told(seconds)}",
    )


def _rate(port: int, paths: list[str], body: bytes, count: int) -> tuple[float, list[float]]:
    """Requests a second of clients that ask at the same time, and the seconds of each request."""
    turns: Queue[int] = Queue()
    for number in range(count):
        turns.put(number)
    seconds: list[float] = []

    def ask(path: str) -> None:
        with closing(Client(port)) as client, suppress(Empty):
            while True:
                turns.get_nowait()
                seconds.extend(in_turns(1, one=lambda: client.ask(path, body))["one"])

    threads = [threading.Thread(target=ask, args=(path,)) for path in paths]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    agree("requests", asked=count, answered=len(seconds))
    return count / (perf_counter() - start), seconds


def _told(seconds: list[float]) -> str:
    """The median of some times, and what 99 of 100 stay below."""
    last = quantiles(seconds, n=100)[-1] if len(seconds) > 1 else seconds[0]
    return f"p50 {duration(median(seconds))}, p99 {duration(last)}"
