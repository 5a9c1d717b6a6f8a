"""Access to members and entries: what is missing is absent, what is refused is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, errors, keys
from tests.traces import assistant, call, calls, output, tools, user

from policyc import PolicyError

if TYPE_CHECKING:
    from tests.runtime.conftest import Make

HERE = "c.function.arguments.amount"
"""Present in the first call of the trace, missing in the second."""
TRACE = [calls("pay", amount=10, name="x"), calls("pay", name="y")]


def fired(make: Make, condition: str) -> list[int]:
    """For which of the two calls a condition holds."""
    policy = make(f'raise "x" if:\n    (c: ToolCall)\n    {condition}\n')
    result = policy.analyze(TRACE)
    assert not result.errors
    return [key[0] for key in keys(result)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"{HERE} > 5", [0]),
        (f"{HERE} <= 10", [0]),
        (f"not {HERE} > 5", [1]),
        (f"{HERE} == 10", [0]),
        (f"{HERE} != 10", [1]),
        (f"{HERE} == None", [1]),
        (f"{HERE} is None", [1]),
        (f"{HERE} is not None", [0]),
        (f"not {HERE}", [1]),
        (f"{HERE} in [10, 11]", [0]),
        ('"a" in c.function.arguments.missing.name', []),
        ("c.function.arguments.missing.currency.code == None", [0, 1]),
        (f"{HERE} + 1 == 11", [0]),
        (f"({HERE} + 1) is None", [1]),
        (f"-{HERE} == -10", [0]),
        ("c.function.arguments.missing.first[0].second is None", [0, 1]),
        ('c.function.arguments["amount"] == 10', [0]),
        ('c.function.arguments.get("amount") == 10', [0]),
        ('c.function.arguments.get("amount", 10) == 10', [0, 1]),
        ('"amount" in c.function.arguments', [0]),
        ("c.function.arguments.missing.lower() is None", [0, 1]),
        ("len(c.function.arguments.missing) == 0", [0, 1]),
        ("empty(c.function.arguments.missing)", [0, 1]),
        ('match("x", c.function.arguments.missing)', []),
        ('find("x", c.function.arguments.missing)', []),
        ("[x for x in c.function.arguments.missing] == []", [0, 1]),
    ],
)
def test_a_missing_entry_is_absent(condition: str, expected: list[int], make: Make) -> None:
    assert fired(make, condition) == expected


def test_a_number_has_no_entries(make: Make) -> None:
    result = make("""
        raise "x" if:
            (c: ToolCall)
            c.function.arguments["amount"]["x"] is None
    """).analyze(TRACE)

    assert keys(result) == [(1,)]
    assert errors(result) == [(4, "a number has no entry `x`")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"k": "v", "lower": 1}', ["v", 1, '{"k": "v", "lower": 1}']),
        ("5", [None, None, "5"]),
        ('"ABC"', [None, None, '"abc"']),
        ('["k"]', [None, None, '["k"]']),
        ("Not JSON", [None, None, "not json"]),
        ('{"k": ', [None, None, '{"k": ']),
    ],
)
def test_a_text_is_read_as_json_by_its_members_only(
    content: str, expected: list[Any], make: Make
) -> None:
    """A called method is the method, whatever the text holds."""
    policy = make("""
        raise Violation("x", o.content.k, o.content["lower"], o.content.lower()) if:
            (o: ToolOutput)
    """)

    assert args(policy.analyze([calls("f"), output(content)])) == [expected]


def test_an_entry_does_not_hide_the_method_of_its_name(make: Make) -> None:
    policy = make("""
        raise Violation("x", a.get("get", 0), a.get, a["keys"], len(a.keys())) if:
            (c: ToolCall)
            a := c.function.arguments
    """)

    result = policy.analyze([calls("f", get="entry", keys="k"), calls("f")])

    assert args(result) == [["entry", "entry", "k", 2], [0, None, None, 0]]


def test_entries_of_lists_and_texts(make: Make) -> None:
    policy = make("""
        raise Violation("x", a[0], a[-1], a[5], a[-6], t[0], t[9]) if:
            (c: ToolCall)
            a := c.function.arguments.list
            t := c.function.arguments.text
    """)

    result = policy.analyze([calls("f", list=[1, 2, 3], text="ab")])

    assert args(result) == [[1, 3, None, None, "a", None]]


@pytest.mark.parametrize(
    "member",
    ["o.content[0].text", "m.content[0].text", "m.content[-1].text", "m.content.text[0]"],
)
def test_chunks_have_their_texts(member: str, make: Make) -> None:
    kind = "ToolOutput" if member.startswith("o") else "Message"
    policy = make(f'raise Violation("x", {member}) if:\n    ({member[0]}: {kind})\n')
    chunks = [{"type": "text", "text": "hello"}]
    event = output(chunks) if kind == "ToolOutput" else user(chunks)

    assert args(policy.analyze([event])) == [["hello"]]


def test_members_of_every_kind_of_object(make: Make) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    policy = make("""
        raise Violation("message", m.role, m.content, len(m.tool_calls), m.metadata.trace_idx) if:
            (m: Message)
            m.role == "user"

        raise Violation("call", c.id, c.type, c.function.name, f.arguments) if:
            (c: ToolCall)
            (f: Function)

        raise Violation("output", o.role, o.content.a, o.tool_call_id, o.metadata.x) if:
            (o: ToolOutput)

        raise Violation("chunk", t.type, t.text, i.type, i.image_url.url) if:
            (t: TextChunk)
            (i: Image)

        raise Violation("content", m.content.text, m.content.image) if:
            (m: Message)
            m.role == "system"
    """)
    trace = [
        user("hi"),
        assistant(call("f", {"a": 1}, id="7")),
        output({"a": 2}, "7", metadata={"x": "y"}),
        {"role": "system", "content": [{"type": "text", "text": "T"}, image]},
    ]

    assert args(make_sure(policy, trace)) == [
        ["user", "hi", 0, 0],
        ["7", "function", "f", {"a": 1}],
        ["tool", 2, "7", "y"],
        ["text", "T", "image_url", "data:image/png;base64,AA"],
        [["T"], ["data:image/png;base64,AA"]],
    ]


def make_sure(policy: Any, trace: list[Any]) -> Any:
    """The result, once it is sure that no rule failed."""
    result = policy.analyze(trace)
    assert errors(result) == []
    return result


def test_a_member_that_a_kind_does_not_have_is_refused_when_it_is_known() -> None:
    from policyc import Policy  # noqa: PLC0415  # only here: the engine does not matter

    with pytest.raises(PolicyError) as caught:
        Policy.from_string('raise "x" if:\n    (m: Message)\n    m.colour == "red"\n')

    assert [found.code for found in caught.value.diagnostics] == ["E0404"]


def test_a_member_that_a_kind_does_not_have_fails_where_the_kind_is_not_known(make: Make) -> None:
    policy = make("""
        red(x: dict) :=
            x.colour == "red"

        raise "x" if:
            (m: Message)
            red(m)

        raise "other" if:
            (m: Message)
    """)

    result = policy.analyze([user()])

    assert [v.message for v in result] == ["other"]
    assert [error.rule.name for error in result.errors] == ["x"]
    assert errors(result)[0][0] == 3
    assert "no member `colour`" in errors(result)[0][1]


@pytest.mark.parametrize("name", ["__class__", "__dict__", "_", "data", "place"])
def test_nothing_of_the_host_is_reached(name: str, make: Make) -> None:
    """Neither views of the trace nor plain values have members of their classes."""
    policy = make(f"""
        peek(x: dict) :=
            x.{name} is not None

        raise "message" if:
            (m: Message)
            peek(m)

        raise "list" if:
            (m: Message)
            peek(m.tool_calls)

        raise "text" if:
            (m: Message)
            peek(m.content)
    """)

    result = policy.analyze([user()])

    assert not list(result)
    assert [error.rule.name for error in result.errors] == ["message", "list"]


def test_format_knows_no_members(make: Make) -> None:
    result = make("""
        raise Violation("x", "{0.role}".format(m)) if:
            (m: Message)
    """).analyze([user()])

    assert not list(result)
    assert len(result.errors) == 1


def test_tools_without_descriptions(make: Make) -> None:
    policy = make("""
        raise Violation("x", t.name, t.description, t.server, len(t.inputSchema)) if:
            (t: Tool)
    """)
    trace = [
        {"tools": [{"name": "a"}, {"name": "b", "description": 5, "metadata": {"server": "s"}}]},
        tools("c"),
    ]

    assert args(policy.analyze(trace)) == [
        ["a", "no description available", None, 0],
        ["b", "5", "s", 0],
        ["c", "the tool c", None, 0],
    ]
