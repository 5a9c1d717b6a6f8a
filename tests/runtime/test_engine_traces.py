"""Traces as they come: every shape of an event, what is malformed, and that nothing is changed."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, errors, keys, messages, ranges
from tests.traces import assistant, call, calls, output, tools, user

from policyc import TraceError

if TYPE_CHECKING:
    from tests.runtime.conftest import Make
    from tests.traces import Event

EVERYTHING = """
    from invariant import count, forall

    LIMIT := 1 + 1

    mentions(m: Message, word: str) := word in m.content

    raise Violation("flow", a, b.function.arguments) if:
        (a: ToolOutput) -> (b: ToolCall)
        a.content != b.function.arguments.text

    raise "text" if:
        (m: Message)
        mentions(m, "bad")

    raise Violation("derived", t) if:
        (c: ToolCall)
        (t: str) in c.function.arguments

    raise "many" if:
        count(min=2):
            (c: ToolCall)
            len(c.function.arguments) < LIMIT

    raise "tools" if:
        (t: Tool)
        (p: ToolParameter)

    raise "chunks" if:
        (c: TextChunk)
        forall:
            (i: Image)
            i.image_url.url.startswith("http")
"""
LONG_TRACE: list[Event] = [
    {"tools": [{"name": "f", "inputSchema": {"properties": {"x": {"type": "string"}}}}]},
    user("bad", metadata={"a": [1]}),
    assistant(call("f", {"text": "x", "deep": {"list": ["y"]}}), call("g", '{"text": "bad"}')),
    output({"any": ["json"]}),
    user([{"type": "text", "text": "bad"}, {"type": "odd", "thing": {}}]),
    {"type": "function", "function": {"name": "h", "arguments": ""}},
    output("bad", id=None),
    assistant(call("f", {"text": "z"}), content="bad"),
]


def test_a_trace_is_never_changed(make: Make) -> None:
    policy = make(EVERYTHING)
    trace = copy.deepcopy(LONG_TRACE)

    result = policy.analyze(trace)
    assert {"flow", "text", "derived", "many", "tools", "chunks"} == set(messages(result))
    str(result.violations)
    json.dumps(result.to_dict())
    policy.analyze_pending(trace[:4], trace[4:])
    monitor = policy.monitor()
    for event in trace:
        str(monitor.append(event))

    assert trace == LONG_TRACE


def test_a_result_is_of_the_trace_as_it_was(make: Make) -> None:
    """Violations are written out when they are looked at; the caller may have gone on by then."""
    policy = make(EVERYTHING)
    expected = policy.analyze(LONG_TRACE).to_dict()
    trace = copy.deepcopy(LONG_TRACE)

    result = policy.analyze(trace)
    trace.extend([*calls_and_tools(), *calls_and_tools()])
    del trace[0]

    assert result.to_dict() == expected


def calls_and_tools() -> list[Event]:
    return [tools("x", "y"), calls("f", text="more"), output("bad", id=None), user("bad")]


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("  ", {}),
        (None, {}),
        ("[1]", {"__unparsed__": "[1]"}),
        ("{", {"__unparsed__": "{"}),
        ([1], {"__unparsed__": [1]}),
        (5, {"__unparsed__": 5}),
    ],
)
@pytest.mark.parametrize("is_bare", [True, False])
def test_arguments_of_every_shape(arguments: Any, seen: Any, is_bare: bool, make: Make) -> None:
    policy = make("""
        raise Violation("x", c.function.arguments) if:
            (c: ToolCall)
    """)
    made: Event = {"type": "function", "function": {"name": "f", "arguments": arguments}}

    assert args(policy.analyze([made if is_bare else assistant(made)])) == [[seen]]


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"role": "assistant"}, ["message"]),
        ({"role": "assistant", "content": None, "tool_calls": None}, ["message"]),
        ({"role": "user", "content": [], "extra": object()}, ["message"]),
        ({"role": "odd role", "content": "x"}, ["message"]),
        ({"role": "tool"}, ["output"]),
        ({"role": "tool", "content": 5}, ["output"]),
        ({"role": "tool", "content": [1, "x", None]}, ["output"]),
        ({"role": None, "type": "function", "function": {"name": "f"}}, ["call"]),
        ({"type": "function", "function": {"name": "f"}, "tools": []}, ["call"]),
        ({"role": "user", "tools": [{"name": "t"}]}, ["message"]),
        ({"tools": []}, []),
        ({"tools": [{"name": "t"}, {"name": "u"}]}, ["tool", "tool"]),
    ],
)
def test_what_an_event_is(event: Event, found: list[str], make: Make) -> None:
    policy = make("""
        raise "message" if:
            (m: Message)

        raise "output" if:
            (o: ToolOutput)

        raise "call" if:
            (c: ToolCall)

        raise "tool" if:
            (t: Tool)
    """)

    assert messages(policy.analyze([event])) == found


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (None, "$[1]"),
        (5, "$[1]"),
        ("text", "$[1]"),
        ([], "$[1]"),
        ({}, "$[1]"),
        ({"content": "x"}, "$[1]"),
        ({"role": None, "content": "x"}, "$[1]"),
        ({"tools": 5}, "$[1].tools"),
        ({"tools": ["name"]}, "$[1].tools[0]"),
        ({"role": "assistant", "tool_calls": {"id": "1"}}, "$[1].tool_calls"),
        ({"role": "assistant", "tool_calls": "text"}, "$[1].tool_calls"),
        ({"role": "assistant", "tool_calls": [call("f"), None]}, "$[1].tool_calls[1]"),
        ({"role": "assistant", "tool_calls": [call("f"), "text"]}, "$[1].tool_calls[1]"),
    ],
)
@pytest.mark.parametrize(
    "rules",
    [
        'raise "x" if:\n    (c: ToolCall)\n',
        'raise "x" if:\n    (c: ToolCall)\n\nraise "y" if:\n    (t: Tool)\n',
        'raise "x" if:\n    (a: Message) ~> (b: ToolCall)\n',
    ],
    ids=["calls", "tools", "flow"],
)
def test_a_malformed_event_is_told_with_its_path(
    rules: str, event: Any, path: str, make: Make
) -> None:
    policy = make(rules)

    with pytest.raises(TraceError) as caught:
        policy.analyze([user(), event])

    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "part",
    [
        {"id": "1", "type": "function"},
        {"id": "1", "function": {}},
        {"id": "1", "function": {"arguments": {}}},
        {"id": "1", "function": None},
        {"id": "1", "function": "f"},
    ],
)
def test_a_call_without_a_tool_is_malformed(part: Any, make: Make) -> None:
    policy = make('raise "x" if:\n    (c: ToolCall)\n    c is tool:f\n')

    with pytest.raises(TraceError) as caught:
        policy.analyze([assistant(part)])

    assert caught.value.path == "$[0].tool_calls[0].function"


@pytest.mark.parametrize("domain", ["ToolCall", "Function"])
def test_a_name_that_is_no_text_is_refused_when_it_is_judged_or_not_at_all(
    domain: str, make: Make
) -> None:
    policy = make(f'raise Violation("x", c) if:\n    (c: {domain})\n')

    try:
        result = policy.analyze([assistant(call("f"), {"function": {"name": 0, "arguments": {}}})])
    except TraceError as error:
        assert error.path == "$[0].tool_calls[1].function"  # noqa: PT017  # or no error at all
    else:
        assert len(result.to_dict()["violations"]) == 2


@pytest.mark.parametrize("trace", [5, None, 1.5, object()])
def test_what_is_no_trace(trace: Any, make: Make) -> None:
    with pytest.raises(TraceError) as caught:
        make('raise "x" if:\n    (m: Message)\n').analyze(trace)

    assert caught.value.path == "$"


@pytest.mark.parametrize(
    "trace",
    [
        (user("a"), user("b")),
        json.dumps([user("a"), user("b")]),
        json.dumps({"messages": [user("a"), user("b")]}),
        json.dumps(user("a")) + "\n" + json.dumps(user("b")) + "\n",
        {"messages": [user("a"), user("b")]},
    ],
    ids=["tuple", "json", "object as json", "json lines", "object"],
)
def test_whatever_holds_a_trace_is_read(trace: Any, make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n')

    assert keys(policy.analyze(trace)) == [(0,), (1,)]
    assert keys(policy.analyze_pending([user("p")], trace)) == [(1,), (2,)]


def test_metadata_and_servers(make: Make) -> None:
    policy = make("""
        raise Violation("index", m.metadata.trace_idx, m.metadata.note) if:
            (m: Message)

        raise Violation("server", server(m)) if:
            (m: Message)

        raise Violation("call", server(c)) if:
            (c: ToolCall)

        raise Violation("tool", server(t)) if:
            (t: Tool)
    """)
    trace = [
        {"tools": [{"name": "t", "metadata": {"server": "S"}}, {"name": "u"}]},
        user(metadata={"note": "n"}),
        assistant(call("f"), metadata={"server": "M"}),
    ]

    assert args(policy.analyze(trace)) == [
        [2, "n"],
        [3, None],
        [None],
        ["M"],
        ["M"],
        ["S"],
        [None],
    ]


def test_a_text_method_does_not_fail_on_any_content(make: Make) -> None:
    """What a tool answers must not decide whether a policy can be evaluated."""
    policy = make("""
        raise "x" if:
            (o: ToolOutput)
            "bad" in o.content.lower()
    """)
    contents = ["BAD", '{"k": "BAD"}', "5", '"bad"', "[]", "", None]

    result = policy.analyze([output(content) for content in contents])

    assert not errors(result)
    assert keys(result) == [(0,), (1,), (3,)]


@pytest.mark.parametrize(
    "line", ['match("ba", o.content)', 'find("ba", o.content)', "len(o.content) > 0"]
)
def test_none_and_chunks_are_content_like_any_other(line: str, make: Make) -> None:
    policy = make(f'raise "x" if:\n    (o: ToolOutput)\n    {line}\n')
    contents = [None, "bad", [{"type": "text", "text": "bad"}], [{"type": "odd"}], []]

    result = policy.analyze([output(content) for content in contents])

    assert not errors(result)
    assert set(keys(result)) >= {(1,), (2,)}
    assert (0,) not in keys(result) and (4,) not in keys(result)


def test_outputs_of_any_json_value(make: Make) -> None:
    policy = make("""
        raise Violation("x", o.content) if:
            (o: ToolOutput)
            any(find("bad", o.content))
    """)
    contents: list[Any] = [{"a": ["bad"]}, 5, True, {"bad": 1}, ["bad", 1]]

    result = policy.analyze([output(content) for content in contents])

    assert not errors(result)
    assert keys(result) == [(0,), (4,)]
    assert ranges(result)[0] == ["0", "0.content.a.0:0-3"]
