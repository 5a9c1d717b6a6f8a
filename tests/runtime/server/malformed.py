"""Malformed requests: `python -m tests.runtime.server.malformed --requests 10000`.

Half of them are made by schemathesis from the OpenAPI document of a server that is started for
that, half from valid requests that are spoilt; of these `--again NUMBER` repeats one. Ends with 1
if an answer was 5xx or no JSON, or a worker died.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import GenerationMode
from tests.runtime.server.policies import LEAKS, NEEDS, SAYS_A, answers, calls, says
from tests.runtime.server.processes import running

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx
    from tests.runtime.server.processes import Server

# --- requests that are spoilt ---------------------------------------------------------------------

EVENTS = [says("a secret"), calls("run", command="ls"), answers("out"), says([{"type": "text"}])]
UUIDS = ("7f1d5a1c-3c5c-4c1e-9f1a-0a2b3c4d5e6f", "00000000-0000-4000-8000-000000000000")
BODIES: dict[str, Any] = {
    "POST /policy/new": {"rule": SAYS_A, "name": "mine"},
    "PUT /policy/1": {"rule": LEAKS},
    "POST /policy/1/analyze": {"trace": EVENTS},
    "POST /monitor/new": {"rule": SAYS_A},
    "POST /monitor/1/check": {"past_events": EVENTS[:2], "pending_events": EVENTS[2:]},
    "POST /api/policy/analyze": {"policy": LEAKS, "trace": EVENTS},
    "POST /api/monitor/check": {"policy": NEEDS, "past_events": [], "pending_events": EVENTS},
    "POST /v1/compile": {"sources": [{"text": NEEDS, "path": "a.inv"}]},
    "POST /v1/check": {"policy": "needs", "trace": EVENTS, "parameters": {"most": 3}},
    "POST /v1/sessions": {"sources": [{"text": LEAKS}], "parameters": {}},
    "POST /v1/sessions/x/events": {"events": EVENTS, "after": 0},
    "GET /session/new": None,
    "GET /session": None,
    "DELETE /session/": None,
    "GET /policy": None,
    "GET /policy/1": None,
    "DELETE /policy/1": None,
    "GET /monitor/1": None,
    "GET /policy/template": None,
    "GET /v1/policies": None,
    "GET /v1/sessions/x": None,
    "DELETE /v1/sessions/x": None,
}
ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1 << 70, 1.5, 1e308, "", "a", "\x00", "\ud800", "💥" * 50, [], {}, [[]],
    [None], {"": {}}, {"role": "user"}, {"function": 1}, "x" * 3000, [{}] * 50, {"role": "tool"},
)  # fmt: skip
ODD_BYTES = (
    b"", b"\xff\xfe", b"\x00", b"NaN", b"Infinity", b"-", b'"', b"{", b"}", b"[" * 300, b"\\u",
    b"\\ud800", b"1" * 5000, b"\xc3", b"//", b",", b"\xef\xbb\xbf", b"1e9999",
)  # fmt: skip
ODD_NAMES = ("1_0", "-1", "0", "9" * 400, "1e3", "../..", "%00", "%ff", "a b", "é", "💥", "..;", "")
ODD_HEADERS: tuple[dict[str, str], ...] = (
    {"content-type": "text/plain"},
    {"content-type": "application/json; charset=utf-16"},
    {"content-type": ";;;"},
    {"content-encoding": "gzip"},
    {"accept": "image/png"},
    {"authorization": "Bearer \xff"},
    {"expect": "100-continue"},
    {"x-request-id": "a" * 2000},
    {"cookie": "a=b" * 500},
    {"upgrade": "websocket", "connection": "upgrade"},
    {"transfer-encoding": "chunked"},
    {"te": "trailers"},
    {"content-type": "multipart/form-data; boundary=a"},
)


@dataclass
class Spoilt:
    """A request, some parts of which are wrong."""

    method: str
    path: str
    query: dict[str, str]
    content: bytes | None
    headers: dict[str, str] = field(default_factory=dict)


def spoilt(number: int) -> Spoilt:
    """The request of a number, always the same."""
    chosen = random.Random(number)
    line = chosen.choice(list(BODIES))
    method, path = line.split()
    body = json.loads(json.dumps(BODIES[line]))
    for _ in range(chosen.randrange(3)):
        body = _with_odd_value(chosen, body)
    content = None if body is None else json.dumps(body).encode()
    request = Spoilt(method, path, {"session_id": chosen.choice(UUIDS)}, content)
    if content is not None:
        request.headers["content-type"] = "application/json"
    for _ in range(chosen.randrange(3)):
        chosen.choice((_spoil_content, _spoil_path, _spoil_query, _spoil_head))(chosen, request)
    return request


def _with_odd_value(chosen: random.Random, value: Any) -> Any:
    """A value with one part replaced, left out or added."""
    if isinstance(value, dict) and value and chosen.random() < 0.8:
        name = chosen.choice(list(value))
        match chosen.randrange(6):
            case 0:
                return {key: x for key, x in value.items() if key != name}
            case 1:
                return {**value, "more": chosen.choice(ODD_VALUES)}
            case _:
                return {**value, name: _with_odd_value(chosen, value[name])}
    if isinstance(value, list) and value and chosen.random() < 0.8:
        place = chosen.randrange(len(value))
        return [*value[:place], _with_odd_value(chosen, value[place]), *value[place + 1 :]]
    return chosen.choice(ODD_VALUES)


def _spoil_content(chosen: random.Random, request: Spoilt) -> None:
    content = request.content or b"{}"
    start = chosen.randrange(len(content) + 1)
    end = min(len(content), start + chosen.randrange(4))
    request.content = content[:start] + chosen.choice(ODD_BYTES) + content[end:]
    if chosen.random() < 0.2:
        request.content = content[:start]


def _spoil_path(chosen: random.Random, request: Spoilt) -> None:
    parts = request.path.split("/")
    parts[chosen.randrange(1, len(parts))] = quote(chosen.choice(ODD_NAMES), safe="%;.")
    request.path = "/".join(parts) + chosen.choice(("", "", "/", "//"))


def _spoil_query(chosen: random.Random, request: Spoilt) -> None:
    request.query = chosen.choice(
        ({}, {"session_id": chosen.choice(ODD_NAMES)}, {"session": "1"}, {"session_id": "x" * 3000})
    )


def _spoil_head(chosen: random.Random, request: Spoilt) -> None:
    if chosen.random() < 0.3:
        request.method = chosen.choice(
            ("PATCH", "OPTIONS", "HEAD", "TRACE", "GET", "PUT", "DELETE")
        )
    else:
        request.headers.update(chosen.choice(ODD_HEADERS))


def send(client: httpx.Client, request: Spoilt) -> httpx.Response:
    return client.request(
        request.method,
        request.path,
        params=request.query,
        content=request.content,
        headers={name: value.encode("latin-1") for name, value in request.headers.items()},  # type: ignore[misc]
    )


# --- judging --------------------------------------------------------------------------------------


class Fault(AssertionError):
    """An answer that no request may have."""


def judge(status: int, content: bytes, what: object) -> None:
    """Looks at an answer.

    Raises:
        Fault: it is 5xx, or no JSON.
    """
    if status >= 500:
        raise Fault(f"{status} {content[:300]!r}: {what}")
    if content and status >= 400 and status != 400:
        try:
            json.loads(content)["detail"]
        except (ValueError, KeyError, TypeError):
            raise Fault(f"{status} {content[:300]!r} has no detail: {what}") from None


def try_spoilt(server: Server, numbers: Sequence[int]) -> Counter[int]:
    """Send the requests of some numbers; how often each status was the answer."""
    found: Counter[int] = Counter()
    with server.client() as client:
        _prepare(client)
        for number in numbers:
            answer = send(client, spoilt(number))
            content = b"" if answer.request.method == "HEAD" else answer.content
            judge(answer.status_code, content, f"--again {number}")
            found[answer.status_code] += 1
            if number % 50 == 0:
                _prepare(client)
    return found


def _prepare(client: httpx.Client) -> None:
    """The session, policy and monitor that valid requests name."""
    session = {"session_id": UUIDS[0]}
    client.get("/session/new", params=session)
    client.post("/policy/new", params=session, json={"rule": SAYS_A})
    client.post("/monitor/new", params=session, json={"rule": SAYS_A})


def try_schema(server: Server, most: int, seed: int = 0) -> Counter[int]:
    """Send what schemathesis makes, valid and not; how often each status was the answer."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    cases = strategies.one_of(
        operation.ok().as_strategy(generation_mode=mode)
        for operation in schema.get_all_operations()
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE)
    )
    found: Counter[int] = Counter()

    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=seed == 0,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        answer = case.call(base_url=server.url)
        judge(answer.status_code, answer.content, case.as_curl_command())
        found[answer.status_code] += 1

    ask()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.runtime.server.malformed", description=__doc__
    )
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first spoilt one")
    parser.add_argument("--again", metavar="NUMBER", type=int, help="send one spoilt request")
    options = parser.parse_args(arguments)
    with running("--workers", "2") as server:
        if options.again is not None:
            print(spoilt(options.again))
            print(dict(try_spoilt(server, [options.again])))
            return 0
        try:
            half = options.requests // 2
            with server.client() as client:
                _prepare(client)
            found: Counter[int] = Counter()
            workers = server.workers
            for start in range(options.first, options.first + half, 500):
                end = min(start + 500, options.first + half)
                found += try_spoilt(server, range(start, end))
                print(f"{found.total()} of {options.requests}", file=sys.stderr)
            found += try_schema(server, options.requests - half, seed=options.first)
        except Fault as fault:
            print(fault)
            return 1
        is_whole = workers <= server.workers
    print(", ".join(f"{status}: {count}" for status, count in sorted(found.items())))
    print("no worker died" if is_whole else "a worker died")
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
