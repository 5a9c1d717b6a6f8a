"""Differences that generated cases found, each in its smallest form: they must not come back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.differential.comparisons import Pair, check_monitor, check_optimised, check_pending
from tests.differential.policy_makers import PARAMETERS

HELLO = {"role": "user", "content": "hello"}
CHUNKS = {"role": "user", "content": [{"type": "text", "text": "hello"}]}
OUTPUT = {"role": "tool", "content": [{"type": "text", "text": "hello"}], "tool_call_id": "c0"}
IMAGE = {
    "role": "user",
    "content": [
        {"type": "image_url", "image_url": {"url": "https://x.com/a.png"}},
        {"type": "text", "text": "hello"},
    ],
}


def call(*arguments: dict[str, Any]) -> dict[str, Any]:
    calls = [
        {"id": f"c{number}", "type": "function", "function": {"name": "send", "arguments": given}}
        for number, given in enumerate(arguments)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


FOUND: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a rule without variables, in a monitor": ('raise "x" if:\n    "a" != "b"\n', [HELLO]),
    "a message does not follow itself": (
        'raise "x" if:\n    (a: Message) -> (b: Message)\n    (c: ToolCall)\n    not a ~> a\n',
        [HELLO, HELLO, call({})],
    ),
    "derived variables of joined ones": (
        'raise Violation("x", d) if:\n    (a: Message)\n    (b: Message)\n'
        '    (d: str) in text(a)\n    a.role == "user"\n',
        [HELLO, HELLO],
    ),
    "an immediate flow whose event before is not remembered": (
        'raise "x" if:\n    (a: Message)\n    (b: Message)\n'
        '    not a.role in text(a) and not b ~> a\n    a.content == "hello"\n',
        [OUTPUT, HELLO, OUTPUT, HELLO],
    ),
    "an immediate flow to the call of an output": (
        'raise "x" if:\n    (o: ToolOutput)\n    c := tool_call(o)\n    (m: Message)\n    c ~> m\n',
        [call({}, {}), HELLO, {**OUTPUT, "tool_call_id": "c1"}],
    ),
    "an immediate flow inside a counted condition": (
        "from invariant import count\n"
        'raise "x" if:\n    (c: ToolCall)\n    count(min=1):\n'
        "        (a: Message) -> (b: Message)\n        not a ~> b\n",
        [HELLO, HELLO, call({}), HELLO],
    ),
    "a failure before a variable that has no object": (
        'raise "x" if:\n    o.content["sender"] is not None\n    (i: Image)\n    (o: ToolOutput)\n',
        [HELLO, OUTPUT],
    ),
    "a failure in the flow before a variable that has no object": (
        'raise "x" if:\n    (o: ToolOutput)\n    o.content + o.content == "a"\n'
        "    (c: ToolCall) -> (m: Message)\n",
        [HELLO, {"role": "tool", "content": None}, {"role": "tool", "content": 5}, HELLO],
    ),
    "a count that holds before a candidate that fails": (
        "from invariant import count\n"
        'raise "x" if:\n    (m: Message)\n    count(min=0):\n        (c: ToolCall)\n'
        '        c.function.arguments.text is not None or m.content.lower() == "a"\n',
        [HELLO, call({"text": "a"}, {}), CHUNKS],
    ),
    "a predicate that holds before a candidate that fails": (
        'p(m: Message) :=\n    (c: ToolCall)\n    c.id == "c0" or m.content.lower() == "a"\n'
        'raise "x" if:\n    (m: Message)\n    p(m)\n',
        [call({}, {}), CHUNKS],
    ),
    "texts of the trace with images among them": (
        'raise Violation("x", t) if:\n    (t: str)\n    "h" in t\n',
        [IMAGE],
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_engines_agree(name: str) -> None:
    source, trace = FOUND[name]
    pair = Pair(source, PARAMETERS)
    check_optimised(pair, trace)
    check_monitor(pair, trace)
    for boundary in range(len(trace) + 1):
        check_pending(pair, trace, boundary)


def test_a_false_side_of_or_marks_nothing() -> None:
    source = (
        'raise "x" if:\n    (m: Message)\n'
        '    ("h" in m.content and "none" in m.content) or "o" in m.content\n'
    )
    (violation,) = Pair(source, {}).fast.analyze([HELLO]).violations
    assert violation.ranges == ["0", "0.content:4-5"]


def test_a_false_side_of_or_counts_nothing() -> None:
    """So it does not make a violation of the past one of the pending events."""
    source = (
        "from invariant import count\n"
        'raise "x" if:\n    (c: ToolCall)\n    c.id == "c0" or count(min=1, max=1):\n'
        "        (o: ToolCall)\n        o.id != c.id\n"
    )
    past, pending = [call({})], [call({}, {}, {})]
    result = Pair(source, {}).fast.analyze_pending(past, pending)
    assert [violation.key for violation in result.violations] == ["(0, (1,))"]


PATTERNS = {
    "a constant": "T := tool:send\nraise Violation(c.id) if:\n    (c: ToolCall)\n    c is T\n",
    "an assigned name": (
        "raise Violation(c.id) if:\n    t := tool:send({n: 1})\n    (c: ToolCall)\n    c is t\n"
    ),
    "an element of a list": (
        "TOOLS := [tool:read, tool:send]\n"
        "raise Violation(c.id) if:\n    (c: ToolCall)\n    any([c is t for t in TOOLS])\n"
    ),
    "a branch": (
        "raise Violation(c.id) if:\n    (m: Message)\n    (c: ToolCall)\n    m -> c\n"
        '    c is (tool:send({n: m.metadata.n}) if m.role == "assistant" else tool:read)\n'
    ),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_tool_patterns_are_values(name: str) -> None:
    """The reference reads them so too."""
    trace = [{**call({"n": 1}), "metadata": {"n": 1}}]
    pair = Pair(PATTERNS[name], {})
    check_monitor(pair, trace)
    assert [v.args for v in pair.fast.analyze(trace)] == [["c0"]]
    assert check_optimised(pair, trace)["violations"]


def violations(source: str, trace: list[Any]) -> list[tuple[str, str]]:
    result = Pair(source, {}).fast.analyze(trace)
    assert not result.errors
    return [(str(violation), violation.key) for violation in result.violations]


def test_texts_include_the_addresses_of_images() -> None:
    source = 'raise Violation(t) if:\n    (t: str)\n    t != "user"\n'
    assert violations(source, [IMAGE]) == [
        ("https://x.com/a.png", "(0, (-1,))"),
        ("hello", "(0, (-1,))"),
    ]


def test_chunks_are_no_events_in_keys() -> None:
    source = 'raise "x" if:\n    (c: TextChunk)\n    (m: Message)\n    c.text == "hello"\n'
    assert violations(source, [HELLO, IMAGE]) == [("x", "(0, (-1, 0))"), ("x", "(0, (-1, 1))")]


def test_forall_reads_its_lines_in_order() -> None:
    """A line that is false spares the lines below it, also those that declare something."""
    source = """
from invariant import forall
raise "x" if:
    not forall:
        (m: Message)
        m.role == "assistant"
        first := m.content[0]
        first.upper() == "A"
"""
    assert violations(source, [{"role": "user", "content": 5}]) == [("x", "(0, ())")]


def test_a_role_below_a_line_that_fails_does_not_hide_the_failure() -> None:
    """Where only one role is asked for, events of other roles are not looked at at all; found among
    mutants, as most policies have lines for other roles as well."""
    source = """
raise "x" if:
    (m: Message)
    m.content.lower() == ""
    m.role == "user"
"""
    pair = Pair(source, {})
    for trace in ([{"role": "assistant", "content": [HELLO]}], [IMAGE]):
        check_monitor(pair, trace)
        assert check_optimised(pair, trace)["failed"] == [2]
