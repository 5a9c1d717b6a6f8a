"""Pending analysis: what the pending events have to do with, and nothing that held without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.answers import args, errors, keys, messages, ranges
from tests.traces import assistant, call, calls, output, tools, user

if TYPE_CHECKING:
    from tests.runtime.conftest import Make
    from tests.traces import Event

HEAD = "from invariant import forall, count\n"


def test_a_model_with_a_pending_event_is_kept(make: Make) -> None:
    policy = make("""
        raise "one" if:
            (m: Message)
            m.content == "bad"

        raise "flow" if:
            (a: ToolOutput) -> (b: ToolCall)
            "secret" in a.content
    """)
    past = [user("bad"), calls("f"), output("secret"), calls("f")]
    pending = [calls("g"), user("bad")]

    result = policy.analyze_pending(past, pending)

    assert [(v.message, v.key) for v in result] == [
        ("one", "(0, (5,))"),
        ("flow", "(1, (2, 4))"),
    ]


def test_with_nothing_pending_nothing_is_reported(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n')

    assert not policy.analyze_pending([user()], [])
    assert keys(policy.analyze_pending([], [user()])) == [(0,)]


@pytest.mark.parametrize(
    ("rule", "ranges_of_new"),
    [
        ('(f: Function)\n    f.name == "send"', ["1.tool_calls.0.function"]),
        ('(t: str)\n    "secret" in t', None),
        ('(c: ToolCall)\n    (t: str) in c.function.arguments\n    t == "x"', None),
        ('(t: TextChunk)\n    "secret" in t.text', None),
    ],
)
def test_variables_that_are_no_events_are_kept_by_their_event(
    rule: str, ranges_of_new: list[str] | None, make: Make
) -> None:
    policy = make(f'raise "x" if:\n    {rule}\n')
    both = [
        assistant(call("send", {"t": "x"}), content="secret"),
        user([{"type": "text", "text": "secret"}]),
    ]

    whole = policy.analyze([*both, *both])
    result = policy.analyze_pending(both, both)

    assert len(whole) == 2 * len(result) > 0
    assert all(int(v.ranges[0].split(".")[0]) >= 2 for v in result)
    assert ranges_of_new is None or len(result) == len(ranges_of_new)


def test_a_count_that_a_pending_event_completes(make: Make) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    count(min=2):
        (c: ToolCall)
        c is tool:f
""")

    assert not policy.analyze_pending([calls("f")], [calls("g")])
    assert keys(policy.analyze_pending([calls("f")], [calls("f")])) == [()]
    # It held before, and one more that counts is pending: told again. One that does not: silence.
    assert keys(policy.analyze_pending([calls("f"), calls("f")], [calls("f")])) == [()]
    assert not policy.analyze_pending([calls("f"), calls("f")], [calls("g"), user()])


@pytest.mark.parametrize(
    ("quantifier", "past", "pending", "expected"),
    [
        ("count(max=1)", [], ["g"], False),  # It held on the empty trace already.
        ("count(max=1)", ["f"], ["g"], False),
        ("not count(max=1)", ["f"], ["f"], True),
        ("not count(max=1)", ["f", "f"], ["f"], False),
        ("not count(min=1)", [], ["g"], False),
        ("not forall", [], ["g"], True),
        ("not forall", ["g"], ["g"], False),
        ("not forall", ["f"], ["f"], False),
        ("forall", ["f"], ["f"], False),
    ],
)
def test_other_quantifiers_are_reported_where_they_did_not_hold_before(
    quantifier: str, past: list[str], pending: list[str], expected: bool, make: Make
) -> None:
    policy = make(f"""{HEAD}
raise "x" if:
    {quantifier}:
        (c: ToolCall)
        c is tool:f
""")

    result = policy.analyze_pending([calls(n) for n in past], [calls(n) for n in pending])

    assert bool(result) is expected


def test_a_rule_about_the_past_that_a_pending_event_makes_true(make: Make) -> None:
    policy = make("""
        answered(c: ToolCall) :=
            (o: ToolOutput)
            o.tool_call_id == c.id

        raise "x" if:
            (c: ToolCall)
            answered(c)
    """)
    past = [assistant(call("f", id="1"), call("g", id="2")), output(id="1")]

    result = policy.analyze_pending(past, [output(id="2")])

    assert ranges(result) == [["0.tool_calls.1"]]


def test_rules_without_variables_are_reported_where_they_did_not_hold_before(make: Make) -> None:
    policy = make("""
        raise "long" if:
            len(input.data) > 2

        raise "parameter" if:
            input.mode == "strict"
    """)

    assert messages(policy.analyze_pending([user()], [user()], mode="x")) == []
    assert messages(policy.analyze_pending([user()], [user(), user()], mode="x")) == ["long"]
    assert messages(policy.analyze_pending([user()] * 3, [user()], mode="x")) == []
    # What depends on nothing pending was true before.
    assert messages(policy.analyze_pending([user()], [user()], mode="strict")) == []


def test_pending_events_are_numbered_on(make: Make) -> None:
    policy = make("""
        raise Violation("x", m.metadata.trace_idx) if:
            (m: Message)
            "a" in m.content
    """)

    result = policy.analyze_pending([tools("t", "u"), user("a")], [tools("v"), user("ba")])

    assert args(result) == [[4]]
    assert ranges(result) == [["4", "4.content:1-2"]]
    assert keys(result) == [(4,)]


def test_outputs_are_linked_to_calls_of_the_past(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (o: ToolOutput)
            o is tool:read
    """)

    assert keys(policy.analyze_pending([calls("read")], [output()])) == [(1,)]


def test_failures_that_concern_the_past_alone_were_told_before(make: Make) -> None:
    policy = make("""
        raise "one" if:
            (c: ToolCall)
            c.function.arguments.n > 5

        raise "two" if:
            (m: Message)
            (c: ToolCall)
            m -> c
            c.function.arguments.n + len(m.content) > 100
    """)
    bad, good = calls("f", n="text"), calls("f", n=1)

    assert errors(policy.analyze_pending([user(), bad], [good])) == []
    assert [e.rule.name for e in policy.analyze_pending([user(), good], [bad]).errors] == [
        "one",
        "two",
    ]


def test_a_missing_parameter_is_told_every_time(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n    m.content == input.word\n')

    for past in ([], [user()]):
        assert policy.analyze_pending(past, [user()]).blocked


def test_pending_analysis_of_every_split_reports_everything_once(make: Make) -> None:
    """For rules about events: past + one pending event, for every event, is the whole analysis."""
    policy = make("""
        raise "flow" if:
            (a: ToolOutput) -> (b: ToolCall)
            a.content == b.function.arguments.x

        raise "derived" if:
            (m: Message)
            (w: str) in m.content.split(" ")
            w == "bad"

        raise "text" if:
            (t: str)
            t == "bad"
    """)
    trace: list[Event] = [
        user("bad bad"),
        calls("f", x="o"),
        output("o"),
        calls("f", x="o"),
        user("bad"),
        output("o"),
        calls("g", x="o"),
    ]
    whole = [v.to_dict() for v in policy.analyze(trace)]

    pieces = [
        violation.to_dict()
        for number in range(len(trace))
        for violation in policy.analyze_pending(trace[:number], trace[number : number + 1])
    ]

    assert sorted(map(str, pieces)) == sorted(map(str, whole))
