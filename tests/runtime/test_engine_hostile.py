"""Hostile traces: whatever stands where, there is an answer, an error of a rule, or a `TraceError`.

Never another exception, also not when the result is looked at, and never a hang.
"""

from __future__ import annotations

import json
import pickle
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.traces import assistant, call, calls, output, user

from policyc import Limits, Policy, TraceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc import AnalysisResult

POLICY = """
    from invariant import count, forall
    from invariant.detectors import secrets, unicode
    from invariant.parsers import links

    PATTERN := "a+b"
    ALLOWED := ["read", "write"]

    said(t: str) :=
        (m: Message)
        t in m.content

    raise Violation("message", m, m.content, m.tool_calls, m.metadata) if:
        (m: Message)
        m.content == "x" or find(PATTERN, m.content) or "x" in m.content or len(m.content) > 3

    raise Violation("call", c, c.function.arguments, c.id, server(c)) if:
        (c: ToolCall)
        c is tool:read({path: "/etc/.*", n: 1, list: [1, "a"], "other": *}) or c is tool:w*

    raise Violation("arguments", a, b) if:
        (c: ToolCall)
        a := c.function.arguments.x
        b := c.function.arguments["y"].z[0]
        a > 1 or b.lower() == "x" or c.function.arguments.get("n", 1) + 1 > 3 or a in b

    raise Violation("flow", a, b) if:
        (a: ToolOutput) -> (b: ToolCall)
        a.content == b.function.arguments.x
        a.content != b.function.arguments

    raise Violation("next", o) if:
        (c: ToolCall) ~> (o: ToolOutput)
        o is tool:read
        tool_call(o).id == o.tool_call_id

    raise Violation("derived", t) if:
        (o: ToolOutput)
        (t: str) in o.content
        match("a", t) or t.startswith("b")

    raise Violation("texts", t) if:
        (t: str)
        (u: TextChunk)
        t in u.text

    raise Violation("tools", p.name, p.type, t.description) if:
        (t: Tool)
        (p: ToolParameter) in t.inputSchema
        p.required or t.server is None or p.properties

    raise "image" if:
        (i: Image)
        "http" in i.image_url.url

    raise "count" if:
        count(min=2, max=5):
            (c: ToolCall)
            not c.function.name in ALLOWED

    raise "forall" if:
        not forall:
            (m: Message)
            m.content.strip()

    raise "said" if:
        (c: ToolCall)
        not said(c.function.name)

    raise f"detected {m.role} {m.content:10.3}" if:
        (m: Message)
        any(secrets(m)) or any(unicode(m, ["Cs"])) or links(m)

    raise Violation("equal", a.content) if:
        (a: Message) -> (b: Message)
        a.content == b.content
        a.metadata == b.metadata
"""


def deep(levels: int) -> Any:
    value: Any = "x"
    for number in range(levels):
        value = [value] if number % 2 else {"x": value}
    return value


ODD_VALUES: list[Callable[[random.Random], Any]] = [
    lambda _: None,
    lambda r: r.choice([True, False]),
    lambda r: r.choice([0, -1, 1, 2**63, 10**400, -(10**5000)]),
    lambda r: r.choice([0.5, float("nan"), float("inf"), float("-inf"), -0.0, 1e308]),
    lambda r: r.choice(["", "x", "a" * 50 + "b", "\ud800", "\udfff x", "\x00", "é" * 3, "{}"]),
    lambda r: r.choice(['{"x": 1}', "[1", '"x"', "NaN", '{"x": NaN}', "1" * 5000, "[" * 3000]),
    lambda _: [],
    lambda _: {},
    lambda r: deep(r.choice([3, 150, 1500])),
    lambda r: [1, "x", None, ["a"]][: r.randint(0, 4)],
    lambda _: {"x": 1, "y": {"z": ["b"]}, "": None, "n": "text"},
    lambda _: {1: "x", None: 2, ("a",): 3},
    lambda _: ("x", 1),
    lambda _: {"x", 1},
    lambda _: b"bytes",
    lambda _: object(),
    lambda _: 1j,
]
WORDS = ["read", "write", "x", "tool", "user", "assistant", "function", "1"]
KEYS = [
    *("role", "content", "tool_calls", "tool_call_id", "function", "name", "arguments", "id"),
    *("type", "text", "image_url", "url", "tools", "inputSchema", "properties", "metadata"),
    *("server", "description", "required", "items", "enum", "x", "path"),
]


def odd_value(rng: random.Random, depth: int = 2) -> Any:
    """Anything, most often something that could nearly stand there."""
    choice = rng.random()
    if choice < 0.35:
        return rng.choice(WORDS)
    if choice < 0.75 or depth == 0:
        return rng.choice(ODD_VALUES)(rng)
    if choice < 0.87:
        return [odd_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(KEYS): odd_value(rng, depth - 1) for _ in range(rng.randint(0, 4))}


def damaged(rng: random.Random, value: Any, rate: float) -> Any:
    """A copy of a value in which some parts are replaced, dropped or doubled."""
    if rng.random() < rate:
        return odd_value(rng)
    if isinstance(value, dict):
        kept = {key: damaged(rng, entry, rate) for key, entry in value.items()}
        if rng.random() < rate and kept:
            kept.pop(rng.choice(list(kept)))
        if rng.random() < rate:
            kept[rng.choice(KEYS)] = odd_value(rng)
        return kept
    if isinstance(value, list):
        items = [damaged(rng, entry, rate) for entry in value]
        return items * 2 if rng.random() < rate / 4 else items
    return value


GOOD = [
    {
        "tools": [
            {
                "name": "read",
                "description": "d",
                "inputSchema": {
                    "properties": {"path": {"type": "object", "properties": {"p": {}}}},
                    "required": ["path"],
                },
                "metadata": {"server": "s"},
            }
        ]
    },
    user("x https://example.com", metadata={"a": 1}),
    assistant(call("read", {"path": "/etc/x", "n": 1, "list": [1, "a"], "other": 0}), content="x"),
    output("aab", "1"),
    assistant(call("write", '{"x": "aab", "y": {"z": ["X"]}}'), call("other", {"x": 3})),
    {"type": "function", "id": "9", "function": {"name": "write", "arguments": {"x": "b"}}},
    user([{"type": "text", "text": "ab"}, {"type": "image_url", "image_url": {"url": "http://x"}}]),
    output({"any": ["a", {"b": "ba"}]}, None),
    user("x https://example.com", metadata={"a": 1}),
]


def look_at(result: AnalysisResult) -> None:
    """Everything that can be asked of a result."""
    for violation in result.violations:
        str(violation)
        repr(violation.key)
        assert all(isinstance(place, str) for place in violation.ranges)
    for error in result.errors:
        str(error)
        assert "Traceback" not in error.message
        assert error.line >= 1
    repr(result.blocked)
    result.to_dict()


def run(policy: Policy, trace: list[Any]) -> str:
    """What became of a trace: an answer or a `TraceError`; any other exception is a failure."""
    try:
        look_at(policy.analyze(trace))
    except TraceError as error:
        return f"trace error at {error.path}"
    return "answer"


ENGINES = {
    "generated": Policy.from_string(POLICY),
    "metered": Policy.from_string(POLICY, limits=Limits(seconds=60)),
    "plain": Policy.from_string(POLICY, optimize=False),
}


def test_the_policy_of_these_tests_answers_on_a_good_trace() -> None:
    found = {name: policy.analyze(GOOD) for name, policy in ENGINES.items()}

    assert found["generated"].to_dict() == found["plain"].to_dict() == found["metered"].to_dict()
    assert len({violation.rule.name for violation in found["plain"]}) >= 12
    assert [error.rule.name for error in found["plain"].errors] == ["arguments"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(60))
def test_damaged_traces(engine: str, seed: int) -> None:
    rng = random.Random(seed)
    policy = ENGINES[engine]
    trace = damaged(rng, GOOD, rate=0.02 + 0.01 * (seed % 10))
    if not isinstance(trace, list):
        trace = [trace]

    assert run(policy, trace).startswith(("answer", "trace error at $"))
    with suppress(TraceError):
        look_at(policy.analyze_pending(trace[:4], trace[4:]))
    monitor = policy.monitor()
    for event in trace:
        with suppress(TraceError):
            look_at(monitor.append(event))


@pytest.mark.parametrize("seed", range(40))
def test_random_values_as_events(seed: int) -> None:
    rng = random.Random(seed)
    trace = [odd_value(rng) for _ in range(rng.randint(1, 4))]

    for policy in ENGINES.values():
        assert run(policy, trace).startswith(("answer", "trace error at $"))


@pytest.mark.parametrize("seed", range(40))
def test_engines_agree_on_damaged_values(seed: int) -> None:
    """Where only values are odd, and not the structure, they answer the same."""
    rng = random.Random(1000 + seed)
    trace = [
        user(odd_content(rng), metadata={"a": rng.choice(ODD_VALUES)(rng)}),
        output(odd_content(rng), rng.choice(["1", "2", None])),
        assistant(
            call("read", {key: odd_value(rng) for key in ("path", "x", "y", "n")}),
            call(rng.choice(WORDS), odd_value(rng), id="2"),
        ),
        output(odd_value(rng), rng.choice(["1", "2", None])),
        user(odd_content(rng)),
        calls("write", x=odd_value(rng), y=odd_value(rng)),
    ]

    answers = {}
    for name, policy in ENGINES.items():
        result = policy.analyze(trace)
        look_at(result)
        answers[name] = (
            [(v.rule.name, v.ranges, v.key) for v in result],
            [(error.rule.name, error.message, error.line) for error in result.errors],
        )

    assert answers["generated"] == answers["plain"]
    assert answers["metered"] == answers["plain"]


def odd_content(rng: random.Random) -> Any:
    return rng.choice(
        [
            lambda: rng.choice(WORDS),
            lambda: rng.choice(ODD_VALUES)(rng),
            lambda: [{"type": "text", "text": rng.choice(WORDS)}],
            lambda: [odd_value(rng)],
        ]
    )()


@pytest.mark.parametrize("levels", [100, 400, 990, 5000])
def test_deep_nesting_everywhere(levels: int) -> None:
    trace = [
        user(deep(levels), metadata=deep(levels)),
        calls("read", path=deep(levels), x=deep(levels), y=deep(levels)),
        output(deep(levels), metadata={"x": deep(levels)}),
        calls("write", x=deep(levels)),
        {"tools": [{"name": "t", "inputSchema": {"properties": {"p": deep(levels)}}}]},
        user(deep(levels), metadata=deep(levels)),
    ]

    for policy in ENGINES.values():
        assert run(policy, trace) == "answer"


def test_results_with_odd_values_can_be_sent_on() -> None:
    """What came from JSON goes to JSON, and every result can be pickled."""
    trace = json.loads(
        json.dumps([user("x \ud800"), calls("write", x=10**30, y=[None, True]), output("aab")])
    )
    result = ENGINES["generated"].analyze(trace)

    assert result
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()
    assert pickle.loads(pickle.dumps(result)).to_dict() == result.to_dict()
