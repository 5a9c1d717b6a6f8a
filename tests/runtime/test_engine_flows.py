"""Flows: the order of events and calls, `->`, `~>`, chains, negation, what is no event."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import errors, keys, ranges
from tests.traces import assistant, call, calls, output, tools, user

from policyc import Policy, PolicyError

if TYPE_CHECKING:
    from tests.runtime.conftest import Make
    from tests.traces import Event

TRACE: list[Event] = [
    user("question"),
    assistant(call("f", id="1"), call("g", id="2")),
    output("one", id="1"),
    output("two", id="2"),
    {"type": "function", "id": "3", "function": {"name": "h", "arguments": {}}},
    assistant(content="answer"),
]
"""The order of the language: message, its calls, the next event."""
ORDER = [
    ("Message", "0"),
    ("Message", "1"),
    ("ToolCall", "1.tool_calls.0"),
    ("ToolCall", "1.tool_calls.1"),
    ("ToolOutput", "2"),
    ("ToolOutput", "3"),
    ("ToolCall", "4"),
    ("Message", "5"),
]
KINDS = ("Message", "ToolCall", "ToolOutput")


def pairs(result: Any) -> list[tuple[str, str]]:
    """The places of a and b, which the policies below raise as arguments."""
    return [(violation.ranges[0], violation.ranges[-1]) for violation in result]


def expected_pairs(left: str, right: str, *, immediate: bool) -> list[tuple[str, str]]:
    return [
        (a, b)
        for (i, (kind_a, a)), (j, (kind_b, b)) in product(enumerate(ORDER), repeat=2)
        if kind_a == left and kind_b == right and (j == i + 1 if immediate else i < j)
    ]


@pytest.mark.parametrize(("left", "right"), list(product(KINDS, repeat=2)))
@pytest.mark.parametrize("operator", ["->", "~>"])
def test_the_order_of_a_trace(left: str, right: str, operator: str, make: Make) -> None:
    policy = make(f'raise "x" if:\n    (a: {left}) {operator} (b: {right})\n')

    found = sorted(pairs(policy.analyze(TRACE)))

    assert found == sorted(expected_pairs(left, right, immediate=operator == "~>"))


@pytest.mark.parametrize("operator", ["->", "~>"])
def test_not_of_a_flow_is_everything_else(operator: str, make: Make) -> None:
    """Pairs in reverse order and pairs of one object included."""
    with_flow = make(f'raise "x" if:\n    (a: ToolCall)\n    (b: ToolCall)\n    a {operator} b\n')
    without = make(
        f'raise "x" if:\n    (a: ToolCall)\n    (b: ToolCall)\n    not (a {operator} b)\n'
    )

    assert len(with_flow.analyze(TRACE)) + len(without.analyze(TRACE)) == 9


def test_a_chain_is_read_as_flows_of_neighbours(make: Make) -> None:
    chain = make("""
        raise "x" if:
            (a: Message) -> (b: ToolCall) -> (c: ToolOutput) -> (d: Message)
    """)
    spelled_out = make("""
        raise "x" if:
            (a: Message)
            (b: ToolCall)
            (c: ToolOutput)
            (d: Message)
            a -> b
            b -> c
            c -> d
    """)

    result = chain.analyze(TRACE)

    assert keys(result) == keys(spelled_out.analyze(TRACE))
    # Two messages come before each of the calls, which both come before both outputs.
    assert len(result) == 8


def test_a_chain_of_both_arrows(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (a: Message) ~> (b: ToolCall) -> (c: ToolOutput) ~> (d: ToolOutput)
    """)

    assert ranges(policy.analyze(TRACE)) == [["1", "1.tool_calls.0", "2", "3"]]


def test_variables_declared_before_a_chain(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (a: ToolCall)
            (b: ToolCall)
            (c: ToolCall)
            a.function.name == "f"
            c.function.name == "h"
            a -> b -> c
    """)

    assert ranges(policy.analyze(TRACE)) == [["1.tool_calls.0", "1.tool_calls.1", "4"]]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_chains_over_many_calls(count: int, make: Make) -> None:
    names = [f"c{number}" for number in range(count)]
    flow = " -> ".join(f"({name}: ToolCall)" for name in names)
    policy = make(f'raise "x" if:\n    {flow}\n')

    result = policy.analyze([calls("f") for _ in range(7)])

    expected = [key for key in product(range(7), repeat=count) if list(key) == sorted(set(key))]
    assert keys(result) == expected


def test_calls_of_one_message_flow_from_first_to_last(make: Make) -> None:
    policy = make('raise "x" if:\n    (a: ToolCall) -> (b: ToolCall)\n')

    result = policy.analyze([assistant(call("f"), call("g"), call("h"))])

    assert pairs(result) == [
        ("0.tool_calls.0", "0.tool_calls.1"),
        ("0.tool_calls.0", "0.tool_calls.2"),
        ("0.tool_calls.1", "0.tool_calls.2"),
    ]


@pytest.mark.parametrize(
    "lines",
    ["a -> a", "a -> b\n    b -> a", "a -> b\n    b -> c\n    c -> a", "a ~> a", "a ~> b ~> a"],
)
def test_nothing_flows_in_a_circle(lines: str, make: Make) -> None:
    declared = "".join(
        f"    ({name}: ToolCall)\n" for name in "abc" if f" {name}" in lines or lines[0] == name
    )
    policy = make(f'raise "x" if:\n{declared}    {lines}\n')

    assert not policy.analyze(TRACE)


def test_one_source_and_two_sinks(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (a: ToolCall)
            (o: ToolOutput)
            (m: Message)
            a -> o
            a -> m
            a.function.name == "g"
    """)

    # In keys: a, m, o. The call g is of event 1, the only message after it is event 5.
    assert keys(policy.analyze(TRACE)) == [(1, 5, 2), (1, 5, 3)]


def test_two_sources_and_one_sink(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (a: Message)
            (o: ToolOutput)
            (m: Message)
            a -> m
            o -> m
            m.content == "answer"
    """)

    assert sorted(keys(policy.analyze(TRACE))) == [(0, 5, 2), (0, 5, 3), (1, 5, 2), (1, 5, 3)]


def test_flows_with_conditions_on_both_ends(make: Make) -> None:
    policy = make("""
        raise "leak" if:
            (o: ToolOutput) -> (c: ToolCall)
            "secret" in o.content
            c is tool:send
            o.content == c.function.arguments.body
    """)
    trace = [
        calls("read"),
        output("secret one"),
        calls("send", body="secret one"),
        calls("send", body="secret two"),
        output("secret two"),
        calls("send", body="secret two"),
        calls("keep", body="secret one"),
        calls("send", body="secret one"),
    ]

    # Keys are c, o.
    assert keys(policy.analyze(trace)) == [(2, 1), (7, 1), (5, 4)]


def test_flows_and_equalities_of_the_same_variables(make: Make) -> None:
    """The dict that finds equal values must keep to the order, too."""
    policy = make("""
        raise "again" if:
            (a: ToolCall) -> (b: ToolCall) -> (c: ToolCall)
            a.function.arguments.x == c.function.arguments.x
            b.function.arguments.x != a.function.arguments.x
    """)
    values = [1, 2, 1, 1, 2, 3, 1.0]
    expected = [
        (i, j, k)
        for i, j, k in product(range(len(values)), repeat=3)
        if i < j < k and values[i] == values[k] != values[j]
    ]

    assert keys(policy.analyze([calls("f", x=value) for value in values])) == expected


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, "x", True])
def test_equalities_of_any_value(value: Any, make: Make) -> None:
    policy = make("""
        raise "again" if:
            (a: ToolCall) -> (b: ToolCall)
            a.function.arguments.x == b.function.arguments.x
    """)

    assert keys(
        policy.analyze([calls("f", x=value), calls("f", x="other"), calls("f", x=value)])
    ) == [(0, 2)]


def test_tools_come_before_what_follows_them(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (t: Tool) -> (m: Message)

        raise "next" if:
            (t: Tool) ~> (m: Message)

        raise "tools" if:
            (s: Tool) ~> (t: Tool)
    """)

    result = policy.analyze([user(), tools("a", "b"), user(), tools("c")])

    assert [(v.message, v.ranges) for v in result] == [
        ("x", ["1", "3"]),
        ("x", ["2", "3"]),
        ("next", ["2", "3"]),
        ("tools", ["1", "2"]),
    ]


def test_an_event_without_objects_does_not_stand_between_two(make: Make) -> None:
    policy = make('raise "x" if:\n    (a: Message) ~> (b: Message)\n')

    assert ranges(policy.analyze([user(), tools(), tools(), user(), tools("a"), user()])) == [
        ["0", "1"]
    ]


def test_the_call_of_an_output_flows_to_it(make: Make) -> None:
    policy = make("""
        raise "after" if:
            (o: ToolOutput)
            c := tool_call(o)
            c -> o

        raise "right after" if:
            (o: ToolOutput)
            c := tool_call(o)
            c ~> o
    """)

    result = policy.analyze([*TRACE, output("three", id="3"), calls("k"), output(id=None)])

    assert [(v.message, v.ranges) for v in result] == [
        ("after", ["1.tool_calls.0", "2"]),
        ("after", ["1.tool_calls.1", "3"]),
        ("after", ["4", "6"]),
        ("after", ["7.tool_calls.0", "8"]),
        ("right after", ["7.tool_calls.0", "8"]),
    ]


@pytest.mark.parametrize("flow", ["m.content -> c", "m -> f", "t -> c", '"a" -> c'])
def test_what_is_no_event_is_refused_when_that_is_known(flow: str) -> None:
    lines = ["(m: Message)", "(c: ToolCall)", "(f: Function)", "(t: str)", flow]
    source = 'raise "x" if:\n' + "".join(f"    {line}\n" for line in lines)

    with pytest.raises(PolicyError) as caught:
        Policy.from_string(source)

    assert {found.line for found in caught.value.diagnostics if found.severity == "error"} == {6}


def test_what_is_no_event_flows_nowhere(make: Make) -> None:
    policy = make("""
        before(a: dict, b: dict) :=
            a -> b

        raise "text" if:
            (m: Message)
            (c: ToolCall)
            before(m.content, c)

        raise "none" if:
            (o: ToolOutput)
            before(tool_call(o), o)

        raise "event" if:
            (m: Message)
            (c: ToolCall)
            before(m, c)
    """)

    result = policy.analyze([user("q"), calls("f", x=1), output(id="unknown")])

    assert errors(result) == []
    assert [v.message for v in result] == ["event", "event"]
