"""Variables: what they range over, which models there are, assigned and derived ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, keys, messages, ranges
from tests.traces import assistant, call, calls, output, tools, user

from policyc import Policy, PolicyError

if TYPE_CHECKING:
    from tests.runtime.conftest import Make
    from tests.traces import Event

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
TEXT = {"type": "text", "text": "chunk"}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AA"}}

TRACE: list[Event] = [
    {"tools": [{"name": "a", "inputSchema": {"properties": {"p": {}, "q": {}}}}, {"name": "b"}]},
    user("hello"),
    assistant(call("f", {"x": 1}, id="1"), call("g", id="2")),
    output("done", id="2"),
    {"type": "function", "id": "3", "function": {"name": "h", "arguments": '{"y": 2}'}},
    user([TEXT, IMAGE, AUDIO]),
    output([TEXT], id="3"),
]


@pytest.mark.parametrize(
    ("domain", "places"),
    [
        ("Message", ["2", "3", "6"]),
        ("ToolCall", ["3.tool_calls.0", "3.tool_calls.1", "5"]),
        (
            "Function",
            ["3.tool_calls.0.function", "3.tool_calls.1.function", "5.function"],
        ),
        ("ToolOutput", ["4", "7"]),
        ("Tool", ["0", "1"]),
        ("ToolParameter", ["0.inputSchema.p", "0.inputSchema.q"]),
        ("TextChunk", ["6.content.0", "7.content.0"]),
        ("Image", ["6.content.1"]),
        (
            "str",
            [
                "2.content",
                "2.role",
                "3.role",
                "3.tool_calls.0.id",
                "3.tool_calls.0.type",
                "3.tool_calls.1.id",
                "3.tool_calls.1.type",
                "4.content",
                "4.role",
                "4.tool_call_id",
                "5.id",
                "5.type",
                "6.content.0.text",
                "6.content.1.image_url.url",
                "6.role",
                "7.content.0.text",
                "7.role",
                "7.tool_call_id",
            ],
        ),
        ("int", []),
        ("dict", []),
    ],
)
def test_what_a_type_ranges_over(domain: str, places: list[str], make: Make) -> None:
    policy = make(f'raise "x" if:\n    (v: {domain})\n')

    assert ranges(policy.analyze(TRACE)) == [[place] for place in places]


def test_several_variables_range_over_all_combinations(make: Make) -> None:
    """The first declared varies slowest, and two variables may stand for one object."""
    policy = make("""
        raise "x" if:
            (b: Message)
            (a: Message)
    """)

    # In keys the variables stand in the order of the alphabet: (a, b).
    assert keys(policy.analyze([user("1"), user("2")])) == [(0, 0), (1, 0), (0, 1), (1, 1)]


def test_combinations_are_not_limited(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (a: Message)
            (b: Message)
            a.content == b.content
    """)

    assert len(policy.analyze([user(str(number % 7)) for number in range(35)])) == 7 * 25


def test_violations_come_by_rule_and_then_by_trace(make: Make) -> None:
    policy = make("""
        raise "late" if:
            (a: ToolOutput)

        raise "early" if:
            (a: Message)
    """)

    result = policy.analyze([user(), calls("f"), output(), user(), output()])

    assert [(v.message, v.ranges) for v in result] == [
        ("late", ["2"]),
        ("late", ["4"]),
        ("early", ["0"]),
        ("early", ["1"]),
        ("early", ["3"]),
    ]


@pytest.mark.parametrize("trace", [[], [output()]])
def test_a_variable_without_objects_has_no_model(trace: list[Event], make: Make) -> None:
    policy = make("""
        from invariant import count

        raise "declared" if:
            (m: Message)

        raise "or" if:
            (m: Message) or 1 == 1

        raise "unused" if:
            (m: Message)
            1 == 1

        raise "counted" if:
            count(min=1):
                (m: Message)
    """)

    assert not policy.analyze(trace)


def test_a_rule_without_variables_has_one_model(make: Make) -> None:
    policy = make("""
        raise "x" if:
            input.mode == "strict"
    """)

    for trace in ([], [user(), user()]):
        assert keys(policy.analyze(trace, mode="strict")) == [()]
        assert not policy.analyze(trace, mode="lax")


def test_a_declaration_may_stand_below_the_lines_that_use_it(make: Make) -> None:
    policy = make("""
        raise Violation("x", name) if:
            name := c.function.name
            name == "f"
            (c: ToolCall)
    """)

    assert args(policy.analyze([calls("f"), calls("g")])) == [["f"]]


def test_a_name_above_its_assignment_is_refused() -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_string("""
            raise "x" if:
                (m: Message)
                shout == "A"
                shout := m.content.upper()
        """)

    assert [found.line for found in caught.value.diagnostics] == [4]


def test_two_declarations_in_one_line(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (a: Message) and (b: ToolOutput)
    """)

    assert keys(policy.analyze([user(), calls("f"), output(), output()])) == [
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
    ]


def test_a_declaration_is_true_wherever_it_stands(make: Make) -> None:
    """`cond or (t: str) in ...`: t ranges over its texts whether or not the condition holds."""
    policy = make("""
        raise Violation("x", t) if:
            (m: Message)
            m.role == "user" or (t: str) in [m.content, "extra"]
    """)

    result = policy.analyze([user("a"), assistant(content="b")])

    assert args(result) == [["a"], ["extra"], ["b"], ["extra"]]


def test_print_is_true_and_goes_to_the_log(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    policy = make("""
        raise "x" if:
            (m: Message)
            print("seen", m.content, 1)
    """)

    with caplog.at_level("INFO", logger="policyc.print"):
        assert policy.analyze([user("hello")])

    assert "seen hello 1" in caplog.messages


# --- assigned variables --------------------------------------------------------------------------


def test_assigned_variables_are_part_of_the_model(make: Make) -> None:
    """They stand in the key, as -1 unless they are events, and in the ranges of where they lie."""
    policy = make("""
        raise Violation("x", b, d) if:
            (c: ToolOutput)
            a := c.content
            b := a.upper()
            d := tool_call(c)
    """)

    (violation,) = policy.analyze([user(), calls("f"), output("done")])

    assert violation.key == "(0, (-1, -1, 2, 1))"
    assert violation.args[1] == "DONE"
    assert violation.ranges == ["1.tool_calls.0", "2", "2.content"]


def test_assigned_values_are_those_of_their_candidate(make: Make) -> None:
    policy = make("""
        raise Violation("x", total) if:
            (a: ToolCall)
            (b: ToolCall)
            a -> b
            total := a.function.arguments.n + b.function.arguments.n
            total > 4
    """)

    result = policy.analyze([calls("f", n=number) for number in (1, 2, 3)])

    assert args(result) == [[5]]
    assert keys(result) == [(1, 2, -1)]


def test_chains_of_assigned_names(make: Make) -> None:
    policy = make("""
        raise Violation("x", w, n) if:
            (m: Message)
            words := m.content.split(" ")
            long := [x for x in words if len(x) > 3]
            n := len(long)
            n >= 2
            w := long[-1]
    """)

    assert args(policy.analyze([user("one three seven"), user("a b c")])) == [["seven", 2]]


# --- derived variables ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "source", "found"),
    [
        ("str", '[["a"], {"k": "b"}, "c"]', ["a", "b", "c"]),
        ("str", '"abc"', ["abc"]),
        ("int", '[1, "a", 2, True, 1.0]', [1, 2]),
        ("bool", "[1, True, 0, False]", [True, False]),
        ("float", "[1, 1.5]", [1.5]),
        ("str", "None", []),
        ("str", "m.metadata.missing", []),
        ("str", '["a", "a"]', ["a", "a"]),
        ("dict", '[{"a": 1}, 2]', [{"a": 1}]),
        ("list", "[[1], 2]", [[[1], 2]]),
        ("str", "{k: 'v', l: ['w']}", ["v", "w"]),
        ("str", "m", ["hello", "user"]),
        ("str", "m.content.split('l')", ["he", "", "o"]),
    ],
)
def test_what_a_derived_variable_ranges_over(
    domain: str, source: str, found: list[Any], make: Make
) -> None:
    policy = make(f'raise Violation("x", v) if:\n    (m: Message)\n    (v: {domain}) in {source}\n')

    assert args(policy.analyze([user("hello")])) == [[value] for value in found]


def test_keys_and_values_of_arguments(make: Make) -> None:
    policy = make("""
        raise Violation("item", kv) if:
            (c: ToolCall)
            (kv: str) in c.function.arguments.items()

        raise Violation("pair", kv[0], kv[1]) if:
            (c: ToolCall)
            (kv: tuple) in c.function.arguments.items()
    """)

    result = policy.analyze([calls("f", to="bob", size=3)])

    assert args(result) == [["to"], ["bob"], ["size"], ["to", "bob"], ["size", 3]]


def test_a_derived_variable_of_another(make: Make) -> None:
    policy = make("""
        raise Violation("x", word) if:
            (m: Message)
            (line: str) in m.content.splitlines()
            (word: str) in line.split(" ")
            word.startswith("b")
    """)

    assert args(policy.analyze([user("a b1\nb2 c\nd")])) == [["b1"], ["b2"]]


def test_events_as_derived_variables(make: Make) -> None:
    policy = make("""
        raise Violation("x", t.text) if:
            (m: Message)
            (t: TextChunk) in m.content

        raise Violation("call", c.function.name) if:
            (m: Message)
            (c: ToolCall) in m.tool_calls
    """)

    result = policy.analyze([user([TEXT, IMAGE]), assistant(call("f"), call("g"))])

    assert args(result) == [["chunk"], ["f"], ["g"]]
    assert keys(result) == [(0, -1), (1, 1), (1, 1)]
    assert ranges(result) == [
        ["0", "0.content.0"],
        ["1", "1.tool_calls.0"],
        ["1", "1.tool_calls.1"],
    ]


def test_types_of_records_are_imported(make: Make) -> None:
    policy = make("""
        from invariant.detectors.code import python_code

        raise Violation("x", name) if:
            (c: ToolCall)
            (name: str) in python_code(c.function.arguments.code).imports
    """)

    assert args(policy.analyze([calls("run", code="import os\nimport re")])) == [["os"], ["re"]]


def test_tools_and_their_parameters(make: Make) -> None:
    policy = make("""
        raise Violation("x", t.name, p.name) if:
            (t: Tool)
            (p: ToolParameter) in t.inputSchema
            not p.required
    """)
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "int"}}, "required": ["b"]}
    trace = [{"tools": [{"name": "t", "inputSchema": schema}]}, tools("u")]

    assert args(policy.analyze(trace)) == [["t", "a"]]


def test_a_rule_may_have_one_of_each(make: Make) -> None:
    """Variables of different kinds in one rule, with conditions that relate them."""
    policy = make("""
        raise Violation("x", word) if:
            (t: Tool)
            (o: ToolOutput)
            (c: ToolCall)
            c -> o
            t.name == c.function.name
            (word: str) in o.content.split(" ")
            word in c.function.arguments.allowed
    """)
    trace = [
        tools("read", "write"),
        calls("read", allowed=["red", "blue"]),
        output("red green blue"),
        calls("other", allowed=["green"]),
        output("green"),
    ]

    result = policy.analyze(trace)

    assert args(result) == [["red"], ["blue"]]
    assert messages(result) == ["x", "x"]
    # c, o, t, word: a `tools` event counts one for each tool.
    assert keys(result) == [(2, 3, 0, -1)] * 2
