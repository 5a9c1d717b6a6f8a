"""Ranges: the exact places of what a violation is about, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import ranges
from tests.traces import assistant, call, calls, output, tools, user

if TYPE_CHECKING:
    from tests.runtime.conftest import Make
    from tests.traces import Event

CHUNKS = [
    {"type": "text", "text": "one bad"},
    {"type": "image_url", "image_url": {"url": "http://bad.example/x.png"}},
    {"type": "input_audio", "input_audio": {"data": "bad"}},
    {"type": "text", "text": "bad bad"},
]


def piece(trace: list[Event], place: str) -> Any:
    """What a range stands for, in a trace without `tools` events."""
    path, _, span = place.partition(":")
    value: Any = trace
    for key in path.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    if not span:
        return value
    start, end = map(int, span.split("-"))
    return value[start:end]


@pytest.mark.parametrize(
    ("condition", "marks"),
    [
        ('"bad" in m.content', ["0.content:2-5", "0.content:6-9"]),
        ('any(["bad", "a "] in m.content)', ["0.content:0-2", "0.content:2-5", "0.content:6-9"]),
        ('any(find("b\\w+", m.content))', ["0.content:2-5", "0.content:6-9"]),
        ('find("d", m.content)', ["0.content:4-5", "0.content:8-9"]),
        ('match("a b", m.content)', []),
        ('m.content.endswith("bad")', []),
        ('"a.b" in m.content or "bad" in m.content', ["0.content:2-5", "0.content:6-9"]),
        ('"(" not in m.content', []),
        ('"bad" in text(m)[0]', ["0.content:2-5", "0.content:6-9"]),
        ('any(["bad" in t for t in text(m)])', ["0.content:2-5", "0.content:6-9"]),
        ('"x" in m.content or "bad" in m.content', ["0.content:2-5", "0.content:6-9"]),
        (
            '"bad" in m.content or "a " in m.content',
            ["0.content:0-2", "0.content:2-5", "0.content:6-9"],
        ),
        ('not "x" in m.content', []),
        ('not ("x" in m.content and "bad" in m.content)', []),
        ('not ("bad" in m.content and "x" in m.content)', ["0.content:2-5", "0.content:6-9"]),
        ('"use" in m.role', ["0.role:0-3"]),
        ('"" in m.content', []),
        ('"bad" in m.content.upper().lower()', []),
    ],
)
def test_what_conditions_mark(condition: str, marks: list[str], make: Make) -> None:
    trace = [user("a bad bad")]

    ((_, *found),) = ranges(
        make(f'raise "x" if:\n    (m: Message)\n    {condition}\n').analyze(trace)
    )

    assert found == marks
    assert {piece(trace, place) for place in found} <= {"bad", "a ", "d", "use"}


def test_marks_of_both_sides_of_an_or_that_both_hold(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (m: Message)
            "a" in m.content or "b" in m.content
    """)

    result = policy.analyze([user("ab"), user("b"), user("a")])

    assert ranges(result) == [
        ["0", "0.content:0-1", "0.content:1-2"],
        ["1", "1.content:0-1"],
        ["2", "2.content:0-1"],
    ]


def test_the_right_side_of_an_or_may_fail_for_its_marks(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (c: ToolCall)
            "a" in c.function.arguments.t or "b" in c.function.arguments.n
    """)

    result = policy.analyze([calls("f", t="a", n=["b"]), calls("f", t="a", n={"b": 1})])

    assert ranges(result) == [
        [f"{number}.tool_calls.0", f"{number}.tool_calls.0.function.arguments.t:0-1"]
        for number in range(2)
    ]


def test_occurrences_do_not_overlap(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n    "aa" in m.content\n')

    assert ranges(policy.analyze([user("aaaaa")])) == [["0", "0.content:0-2", "0.content:2-4"]]


def test_chunked_content_is_marked_in_its_chunks(make: Make) -> None:
    policy = make("""
        raise "in" if:
            (m: Message)
            "bad" in m.content

        raise "find" if:
            (m: Message)
            find("b.d", m.content)

        raise "chunk" if:
            (c: TextChunk)
            "bad" in c.text
    """)
    trace = [user(CHUNKS)]

    result = policy.analyze(trace)

    texts = ["0.content.0.text:4-7", "0.content.3.text:0-3", "0.content.3.text:4-7"]
    assert ranges(result) == [
        ["0", texts[0], "0.content.1.image_url.url:7-10", *texts[1:]],
        ["0", *texts],
        ["0.content.0", texts[0]],
        ["0.content.3", *texts[1:]],
    ]
    assert {piece(trace, place) for place in ranges(result)[0][1:]} == {"bad"}


@pytest.mark.parametrize("arguments", [{"to": {"a": ["x", "bad"]}}, '{"to": {"a": ["x", "bad"]}}'])
def test_arguments_are_marked_by_their_path(arguments: Any, make: Make) -> None:
    """Also where the arguments are JSON text: the path is that of the values in it."""
    policy = make("""
        raise "x" if:
            (c: ToolCall)
            "bad" in c.function.arguments.to.a[1]

        raise "get" if:
            (c: ToolCall)
            "bad" in c.function.arguments.get("to")["a"][-1]

        raise "function" if:
            (f: Function)
            "bad" in f.arguments["to"].a[1]
    """)
    place = "0.tool_calls.0.function.arguments.to.a.1:0-3"

    assert ranges(policy.analyze([assistant(call("f", arguments))])) == [
        ["0.tool_calls.0", place],
        ["0.tool_calls.0", place],
        ["0.tool_calls.0.function", place],
    ]


def test_a_bare_call_is_a_place_of_its_own(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (c: ToolCall)
            "bad" in c.function.arguments.t
    """)
    trace = [user(), {"type": "function", "function": {"name": "f", "arguments": {"t": "bad"}}}]

    result = policy.analyze(trace)

    assert ranges(result) == [["1", "1.function.arguments.t:0-3"]]
    assert result[0].key == "(0, (1,))"


def test_a_tools_event_counts_one_for_each_tool(make: Make) -> None:
    policy = make("""
        raise "message" if:
            (m: Message)
            "bad" in m.content

        raise "tool" if:
            (t: Tool)
            t.name == "c"

        raise "call" if:
            (m: Message) -> (c: ToolCall)
            c is tool:f
    """)
    trace = [
        user("bad"),
        tools("a", "b", "c"),
        user("bad"),
        tools(),
        tools("d"),
        calls("f"),
    ]

    result = policy.analyze(trace)

    assert [(v.message, v.ranges, v.key) for v in result] == [
        ("message", ["0", "0.content:0-3"], "(0, (0,))"),
        ("message", ["4", "4.content:0-3"], "(0, (4,))"),
        ("tool", ["3"], "(1, (3,))"),
        ("call", ["0", "6.tool_calls.0"], "(2, (6, 0))"),
        ("call", ["4", "6.tool_calls.0"], "(2, (6, 4))"),
        ("call", ["6", "6.tool_calls.0"], "(2, (6, 6))"),
    ]


def test_marks_are_those_of_one_candidate(make: Make) -> None:
    """Neither those of other candidates, nor of predicates and comprehensions that failed."""
    policy = make("""
        starts(m: Message, word: str) :=
            (w: str) in m.content.split(" ")
            word in w

        raise "find" if:
            (m: Message)
            any(find("X\\d+Y", m.content))

        raise "predicate" if:
            (a: Message)
            "X" in a.content
            starts(a, "q") or a.role == "user"
    """)

    assert ranges(policy.analyze([user("X1Y"), user("- X22Y")])) == [
        ["0", "0.content:0-3"],
        ["1", "1.content:2-6"],
        ["0", "0.content:0-1"],
        ["1", "1.content:2-3"],
    ]


def test_equal_texts_at_several_places_are_told_apart(make: Make) -> None:
    shared = "bad"
    policy = make("""
        raise "x" if:
            (t: str)
            t == "bad"

        raise "derived" if:
            (o: ToolOutput)
            (t: str) in [o.content, o.content]
    """)
    trace = [user(shared), user("good"), user(shared), output(shared)]

    assert ranges(policy.analyze(trace)) == [
        ["0.content"],
        ["2.content"],
        ["3.content"],
        ["3", "3.content"],
        ["3", "3.content"],
    ]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("m.content", "0.content"),
        ("m.role", "0.role"),
        ("text(m)[0]", "0.content"),
        ("m.metadata.note", "0.metadata.note"),
        ('m.metadata["note"]', "0.metadata.note"),
        ('m.metadata.get("note")', "0.metadata.note"),
        ("m.content if 1 == 1 else m.role", "0.content"),
        ("m.content.upper()", None),
        ('m.content + ""', None),
        ("len(m.content)", None),
    ],
)
def test_assigned_texts_lie_where_they_were_read_from(
    value: str, place: str | None, make: Make
) -> None:
    policy = make(f'raise Violation("x", v) if:\n    (m: Message)\n    v := {value}\n')
    trace = [user("hello", metadata={"note": "n"})]

    assert ranges(policy.analyze(trace)) == [["0"] if place is None else ["0", place]]


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("m", ["0.content", "0.role"]),
        ("m.content", ["0.content"]),
        ("[m.content, m.role]", ["0.content", "0.role"]),
        ("text(m)", ["0.content"]),
        ("[x for x in [m.role]]", ["0.role"]),
        ("m.metadata.list", ["0.metadata.list.0", "0.metadata.list.1"]),
        ("m.metadata.values()", ["0.metadata.list.0", "0.metadata.list.1"]),
        ("m.content.split('l')", []),
        ("['a', 'b']", []),
    ],
)
def test_derived_texts_lie_where_they_were_found(
    source: str, places: list[str], make: Make
) -> None:
    policy = make(f'raise Violation("x", t) if:\n    (m: Message)\n    (t: str) in {source}\n')
    trace = [user("hello", metadata={"list": ["p", "q"]})]

    found = [place for violation in policy.analyze(trace) for place in violation.ranges[1:]]

    assert found == places


def test_detectors_mark_what_they_find(make: Make) -> None:
    policy = make("""
        from invariant.detectors import secrets

        raise "x" if:
            (m: Message)
            any(secrets(m))
    """)
    token = "ghp_" + "a" * 36
    trace = [user(f"key {token}"), user([{"type": "text", "text": token}])]

    result = policy.analyze(trace)

    assert [piece(trace, places[1]) for places in ranges(result)] == [token, token]


def test_ranges_are_sorted_and_without_duplicates(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (b: Message)
            (a: Message)
            "z" in b.content
            "y" in a.content
            "z" in b.content
    """)
    trace = [user("y")] + [user("") for _ in range(9)] + [user("z z")]

    assert ranges(policy.analyze(trace)) == [
        ["0", "0.content:0-1", "10", "10.content:0-1", "10.content:2-3"]
    ]


def test_places_of_values_that_the_host_shares(make: Make) -> None:
    """One object at two places of the trace: each match tells its own."""
    event = user("bad")
    policy = make('raise "x" if:\n    (m: Message)\n    "bad" in m.content\n')

    assert ranges(policy.analyze([event, event])) == [
        ["0", "0.content:0-3"],
        ["1", "1.content:0-3"],
    ]
