"""Monitors: event by event they report what the analysis of each prefix finds, each thing once."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, errors, keys, messages, ranges
from tests.traces import assistant, call, calls, output, tools, user

from policyc import Limits, Policy, PolicycError, TraceError, UnhandledViolations

if TYPE_CHECKING:
    from tests.runtime.conftest import Make
    from tests.traces import Event

    from policyc import AnalysisResult, Monitor

HEAD = "from invariant import forall, count\n"

POLICIES = {
    "one message": 'raise "x" if:\n    (m: Message)\n    "a" in m.content\n',
    "one call": 'raise "x" if:\n    (c: ToolCall)\n    c is tool:f({x: "a"})\n',
    "flow": 'raise "x" if:\n    (a: ToolOutput) -> (b: ToolCall)\n    "a" in a.content\n',
    "chain": 'raise "x" if:\n    (a: ToolCall) -> (b: ToolOutput) -> (c: ToolCall)\n',
    "next": 'raise "x" if:\n    (a: Message) ~> (b: ToolCall)\n',
    "next message": 'raise "x" if:\n    (a: ToolCall) ~> (b: Message)\n',
    "not a flow": 'raise "x" if:\n    (a: Message)\n    (b: ToolCall)\n    not (a -> b)\n',
    "equality": """
        raise "x" if:
            (a: ToolCall) -> (b: ToolCall)
            a.function.arguments.x == b.function.arguments.x
    """,
    "texts": 'raise "x" if:\n    (t: str)\n    t == "a"\n',
    "two kinds": 'raise "x" if:\n    (t: str)\n    (m: Message)\n    t == m.content\n',
    "tools": 'raise "x" if:\n    (t: Tool) -> (c: ToolCall)\n    t.name == c.function.name\n',
    "chunks": 'raise "x" if:\n    (t: TextChunk)\n    (m: Message)\n    t.text == m.content\n',
    "derived": """
        raise Violation("x", w) if:
            (m: Message) -> (c: ToolCall)
            (w: str) in text(m)
            w == c.function.arguments.x
    """,
    "assigned": """
        raise Violation("x", s) if:
            (m: Message)
            s := m.role + "!"
            (o: ToolOutput)
            s != o.content
    """,
    "linked": 'raise "x" if:\n    (o: ToolOutput)\n    o is tool:f\n',
    "linked flow": """
        raise "x" if:
            (o: ToolOutput) -> (c: ToolCall)
            o is tool:f({x: *})
            c.function.name != tool_call(o).function.name
    """,
    "predicate": """
        said(t: str) :=
            (m: Message)
            t == m.content

        raise "x" if:
            (c: ToolCall)
            said(c.function.arguments.x)
    """,
    "not predicate": """
        said(t: str) :=
            (m: Message)
            t == m.content

        raise "x" if:
            (c: ToolCall)
            not said(c.function.arguments.x)
    """,
    "count": f'{HEAD}raise "x" if:\n    count(min=2):\n        (c: ToolCall)\n        c is tool:f',
    "at most": f'{HEAD}raise "x" if:\n    count(max=1):\n        (c: ToolCall)',
    "forall": f'{HEAD}raise "x" if:\n    forall:\n        (m: Message)\n        "a" in m.content',
    "not forall": f'{HEAD}raise "x" if:\n    not forall:\n        (m: Message)\n        m.content',
    "each and count": f"""{HEAD}
raise "x" if:
    (m: Message)
    count(min=1, max=2):
        (c: ToolCall)
        m -> c
""",
    "constant": 'LONG := len(input.data) > 3\nraise "x" if:\n    (m: Message)\n    LONG\n',
    "whole trace": 'raise "x" if:\n    len(input.data) > 2\n',
    "a trace variable": 'raise "x" if:\n    (i: Input)\n    len(i) > 2\n',
    "failing": 'raise "x" if:\n    (c: ToolCall)\n    c.function.arguments.x > 5\n',
    "failing late": """
        raise "x" if:
            (m: Message)
            (c: ToolCall)
            m.content == "a"
            c.function.arguments.x > 5
    """,
    "failing above a count": f"""{HEAD}
raise "x" if:
    (c: ToolCall)
    c.function.arguments.x > 5
    count(min=2):
        (m: Message)
""",
    "failing below a count": f"""{HEAD}
raise "x" if:
    (c: ToolCall)
    count(min=2):
        (m: Message)
    c.function.arguments.x > 5
""",
    "failing in a count": f"""{HEAD}
raise "x" if:
    (m: Message)
    count(min=1):
        (c: ToolCall)
        c.function.arguments.x > 5
""",
    "failing early": """
        raise "x" if:
            (c: ToolCall)
            [c.function.arguments.x > y for y in [1, 5]]
            (o: ToolOutput)
    """,
}


def random_trace(seed: int, size: int) -> list[Event]:
    """Events of all kinds, with few different contents so that rules match."""
    random_number = random.Random(seed)
    words = ["a", "b", "ab", 7, None]

    def some_call() -> Event:
        name, word = random_number.choice("fgh"), random_number.choice(words)
        return call(name, {"x": word}, id=random_number.choice("12"))

    def content() -> Any:
        word = random_number.choice(["a", "b", "ab"])
        return random_number.choice([word, word, [{"type": "text", "text": word}], None])

    makers = [
        lambda: user(content()),
        lambda: assistant(*(some_call() for _ in range(random_number.randint(0, 2)))),
        lambda: output(content(), id=random_number.choice(["1", "2", None])),
        lambda: {"type": "function", **some_call()},
        lambda: tools(*random_number.sample("fgh", random_number.randint(0, 2))),
    ]
    return [random_number.choice(makers)() for _ in range(size)]


def facts(result: AnalysisResult) -> list[tuple[Any, ...]]:
    return [(v.message, str(v.args), v.key) for v in result]


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("limits", [None, Limits(work=10**9)], ids=["plain code", "metered code"])
def test_a_monitor_is_the_union_over_all_prefixes(name: str, limits: Limits | None) -> None:
    """Measured against nested loops over each prefix: every violation when it first holds, once."""
    policy = Policy.from_string(POLICIES[name], limits=limits)
    oracle = Policy.from_string(POLICIES[name], optimize=False)._engine
    reported = 0
    for seed in range(12):
        trace = random_trace(seed, 10)
        monitor = policy.monitor()
        known: set[Any] = set()
        failed_before: set[str] = set()
        for number, event in enumerate(trace):
            run = oracle.search(trace[: number + 1], {})
            new = [m for m in run.found if (m[0], where(m)) not in known]
            known.update((m[0], where(m)) for m in new)
            run_errors = {error.rule.name for error in oracle.result(run, []).errors}
            run.failed.clear()
            expected = oracle.result(run, new)

            result = monitor.append(event)

            assert result.violations == expected.violations, (seed, number)
            told = {error.rule.name for error in result.errors}
            assert told <= run_errors <= told | failed_before, (seed, number)
            failed_before |= told
            reported += len(result) + len(told)
    assert reported > 0


def where(match: Any) -> tuple[Any, ...]:
    """The spots of a match without its events."""
    return tuple(spot if isinstance(spot, int) else spot[:2] for spot in match[1])


def test_append_reports_what_an_event_completes(make: Make) -> None:
    monitor = make("""
        raise Violation("leak", a, b.function.name) if:
            (a: ToolOutput) -> (b: ToolCall)
            "secret" in a.content
            b is tool:send_*
    """).monitor()

    assert not monitor.append(user())
    assert not monitor.append(calls("send_a"))
    assert not monitor.append(output("secret"))
    assert not monitor.append(calls("read"))
    result = monitor.append(assistant(call("send_a"), call("send_b")))

    assert args(result) == [[output("secret"), "send_a"], [output("secret"), "send_b"]]
    assert ranges(result) == [
        ["2", "2.content:0-6", "4.tool_calls.0"],
        ["2", "2.content:0-6", "4.tool_calls.1"],
    ]
    assert not monitor.append(output("secret"))
    assert len(monitor.append(calls("send_c"))) == 2


def test_parameters_are_given_when_a_monitor_is_made(make: Make) -> None:
    policy = make('raise "x" if:\n    (m: Message)\n    m.content == input.word\n')

    one, other = policy.monitor(word="a"), policy.monitor(word="b")

    assert [bool(m.append(user("a"))) for m in (one, other)] == [True, False]
    assert [bool(m.append(user("b"))) for m in (one, other)] == [False, True]


def test_a_monitor_without_a_parameter_blocks_from_the_first_event(make: Make) -> None:
    monitor = make("""
        raise "needs" if:
            (m: Message)
            m.content == input.word

        raise "other" if:
            (m: Message)
    """).monitor()

    result = monitor.append(user())

    assert messages(result) == ["other"]
    assert [error.rule.name for error in result.errors] == ["needs"]


def test_a_monitor_tells_a_failed_candidate_once(make: Make) -> None:
    monitor = make('raise "x" if:\n    (c: ToolCall)\n    c.function.arguments.n > 5\n').monitor()

    assert errors(monitor.append(calls("f", n="a")))
    assert not monitor.append(calls("f", n=1)).blocked
    assert keys(monitor.append(calls("f", n=9))) == [(2,)]
    assert errors(monitor.append(calls("f", n="a")))


def test_a_failure_is_told_when_what_spares_it_is_gone(make: Make) -> None:
    """Whether the line is reached depends on an event that comes later."""
    monitor = make("""
        raise "x" if:
            (a: ToolCall)
            (b: ToolCall)
            a is tool:guard
            b.function.arguments.n > 5
    """).monitor()

    assert not monitor.append(calls("f", n="text")).blocked
    assert not monitor.append(user()).blocked
    assert len(monitor.append(calls("guard", n=7)).errors) == 1


def test_analyze_looks_at_a_whole_trace_and_reports_what_is_new(make: Make) -> None:
    monitor = make('raise "x" if:\n    (m: Message)\n    "a" in m.content\n').monitor()

    assert keys(monitor.analyze([user("a")])) == [(0,)]
    assert not monitor.analyze([user("a")])
    assert keys(monitor.analyze([user("a"), user("b"), user("a")])) == [(2,)]
    assert not monitor.analyze([])


def test_check_looks_at_pending_events_and_reports_what_is_new(make: Make) -> None:
    monitor = make("""
        raise "x" if:
            (a: Message) -> (b: Message)
            a.content == b.content
    """).monitor()
    past = [user("a"), user("b")]

    assert keys(monitor.check(past, [user("a")])) == [(0, 2)]
    assert not monitor.check(past, [user("a")])
    assert not monitor.check([*past, user("a")], [])
    assert keys(monitor.check([*past, user("a")], [user("a")])) == [(0, 3), (2, 3)]


def test_new_candidates_with_a_known_key_are_reported(make: Make) -> None:
    """Two calls of one message, two texts: the key is the same, the violation is not."""
    monitor = make("""
        raise Violation("x", w, c.function.name) if:
            (c: ToolCall)
            (w: str) in c.function.arguments
            (m: Message)
            m.role == "user"
    """).monitor()
    trace = [assistant(call("f", {"x": "a", "y": "b"}), call("g", {"x": "a"}))]

    assert not monitor.analyze(trace)
    first = monitor.analyze([*trace, user()])
    assert args(first) == [["a", "f"], ["b", "f"], ["a", "g"]]
    assert len({v.key for v in first}) == 1
    assert not monitor.analyze([*trace, user()])


def test_reset_forgets_what_was_reported_and_the_trace(make: Make) -> None:
    policy = make("""
        raise "x" if:
            (a: Message) -> (b: Message)
            a.content == b.content
    """)
    monitor = policy.monitor()
    monitor.append(user("a"))
    assert monitor.append(user("a"))

    monitor.reset()

    assert not monitor.append(user("a"))
    assert keys(monitor.append(user("a"))) == [(0, 1)]
    assert keys(monitor.analyze([user("b"), user("b")])) == []
    monitor.reset()
    assert keys(monitor.analyze([user("b"), user("b")])) == [(0, 1)]


def test_results_of_a_monitor_do_not_change_when_the_trace_grows(make: Make) -> None:
    monitor = make("""
        said(t: str) :=
            (m: Message)
            t in m.content

        raise Violation("x", m) if:
            (m: Message)
            m.role == "user"
            said("a")
    """).monitor()

    first = monitor.append(user("a"))
    monitor.append(tools("t"))
    second = monitor.append(user("b a"))

    assert ranges(first) == [["0", "0.content:0-1"]]
    assert ranges(second) == [["0.content:0-1", "2", "2.content:2-3"]]


def test_a_monitor_of_a_linked_rule_knows_calls_of_long_ago(make: Make) -> None:
    monitor = make('raise "x" if:\n    (o: ToolOutput)\n    o is tool:read\n').monitor()
    monitor.append(assistant(call("read", id="old")))
    for _ in range(50):
        monitor.append(assistant(call("write", id="new")))

    assert not monitor.append(output(id="new"))
    assert monitor.append(output(id="old"))


@pytest.mark.parametrize("name", ["flow", "count", "predicate", "linked", "tools", "next"])
@pytest.mark.parametrize(
    "event",
    [
        None,
        5,
        {},
        {"role": None},
        {"role": "assistant", "tool_calls": [call("f"), 5]},
        {"tools": 3},
    ],
)
def test_a_malformed_event_does_not_end_a_monitor(name: str, event: Any) -> None:
    """It is refused, keeps its place, and all else goes on as if it were empty."""
    policy = Policy.from_string(POLICIES[name])
    before = random_trace(3, 5)
    after = random_trace(4, 6)
    monitor, other = policy.monitor(), policy.monitor()
    for each in before:
        monitor.append(each)
        other.append(each)

    if is_call := isinstance(event, dict) and event.get("role") == "assistant":
        # A part that no rule looks at is not checked.
        with suppress(TraceError):
            monitor.append(event)
    else:
        with pytest.raises(TraceError):
            monitor.append(event)
    # One that no rule looks at, in its place.
    other.append({"role": "nobody"}) if name != "next" else other.append({"tools": [{}]})

    for each in after:
        result, expected = monitor.append(each), other.append(each)
        assert errors(result) == errors(expected) == []
        # What could be read of a call may count.
        assert is_call or facts(result) == facts(expected)


def test_a_monitor_is_refused_a_parameter_named_data(make: Make) -> None:
    with pytest.raises(PolicycError):
        make('raise "x" if:\n    (m: Message)\n').monitor(data=[])


def test_a_monitor_raises_on_demand(make: Make) -> None:
    monitor = make('raise "x" if:\n    (m: Message)\n').monitor()

    with pytest.raises(UnhandledViolations):
        monitor.check([], [user()], raise_on_violation=True)
    assert not monitor.check([], [user()], raise_on_violation=True)
    with pytest.raises(UnhandledViolations):
        monitor.analyze([user(), user()], raise_on_violation=True)


def test_an_unforeseen_failure_of_a_search_blocks_until_reset() -> None:
    """Not silence: an event that breaks its own dict methods stands for what nobody foresaw."""

    class Broken(dict[str, Any]):
        def __contains__(self, _: object) -> bool:
            raise ZeroDivisionError("broken")

    def feed(monitor: Monitor) -> list[bool]:
        events = [Broken(role="assistant", content="x"), user("a"), user("b")]
        return [monitor.append(event).blocked for event in events]

    policy = Policy.from_string('raise "x" if:\n    (c: ToolCall)\n    c is tool:f\n')
    monitor = policy.monitor()

    assert feed(monitor) == [True, True, True]
    monitor.reset()
    assert not monitor.append(user("a")).blocked
    result = policy.analyze([Broken(role="assistant", content="x")])
    assert errors(result) == [(1, "the search failed: broken")]
