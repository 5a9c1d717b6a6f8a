"""Quantifiers that ask about variables of their rule: counted as events come, one number for each
combination, and never otherwise than nested loops would."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.differential.comparisons import Pair, check_monitor, check_optimised, check_pending
from tests.traces import assistant, call, calls, output, user

from policyc import Limits, Policy

if TYPE_CHECKING:
    from tests.traces import Event

HEAD = "from invariant import count, forall\n"

REPEATED = """
raise "repeated" if:
    (c: ToolCall)
    count({bounds}):
        (again: ToolCall)
        c -> again
        again.function.name == c.function.name
        again.function.arguments == c.function.arguments
"""

COUNTED = {
    "at least": REPEATED.format(bounds="min=2"),
    "at most": REPEATED.format(bounds="max=1"),
    "between": REPEATED.format(bounds="min=1, max=2"),
    "any number": REPEATED.format(bounds="min=0"),
    "not": REPEATED.format(bounds="min=1").replace("    count", "    not count"),
    "no flow": """
raise "answered" if:
    (m: Message)
    count(min=2):
        (o: ToolOutput)
        o.content == m.content
""",
    "two variables": """
raise "both" if:
    (a: ToolCall) -> (b: ToolCall)
    a.function.name == b.function.name
    count(min=1, max=3):
        (o: ToolOutput)
        b -> o
        o.content == a.function.arguments.x
""",
    "one of two variables": """
raise "one" if:
    (a: ToolCall)
    (b: Message) -> a
    count(min=2):
        (o: ToolOutput)
        a -> o
""",
    "a variable that comes later": """
raise "later" if:
    (a: ToolCall)
    count(min=1):
        (o: ToolOutput)
        a -> o
    (b: Message)
    b.content == "x"
""",
    "two counts": """
raise "two" if:
    (a: ToolCall)
    count(min=1):
        (o: ToolOutput)
        a -> o
    not count(min=2):
        (m: Message)
        m -> a
        m.role == "user"
""",
    "counts for different variables": """
raise "different" if:
    (a: ToolCall)
    (b: Message)
    count(min=1):
        (o: ToolOutput)
        a -> o
    count(min=1):
        (p: ToolOutput)
        b -> p
""",
    "with a closed count": """
raise "mixed" if:
    (a: ToolCall)
    count(min=1):
        (o: ToolOutput)
        a -> o
    count(min=3):
        (m: Message)
        m.role == "user"
""",
    "inner pairs": """
raise "pairs" if:
    (a: Message)
    a.role == "user"
    count(min=2, max=4):
        (b: ToolCall) -> (o: ToolOutput)
        a -> b
        o.content == b.function.arguments.x
""",
    "a named value": """
raise "named" if:
    (a: ToolCall)
    name := a.function.name
    count(min=1):
        (b: ToolCall)
        a -> b
        b.function.name == name
""",
    "what may fail": """
raise "fails" if:
    (a: ToolCall)
    a.function.arguments.n > 1
    count(min=1):
        (b: ToolCall)
        a -> b
        b.function.arguments.n < a.function.arguments.n
""",
    "what came before": """
raise "before" if:
    (a: ToolCall)
    count(min=1, max=2):
        (o: ToolOutput) -> a
        any(["x" in t for t in text(o.content)])
""",
    "what came before what came before": """
raise "chain" if:
    (a: ToolCall)
    not count(min=1):
        (o: ToolOutput)
        (m: Message)
        o -> m
        m -> a
        any([t == o.content for t in text(m.content)])
""",
    "before one, after the other": """
raise "among" if:
    (a: ToolCall)
    (b: ToolCall)
    a -> b
    count(min=1):
        (o: ToolOutput)
        a -> o
        o -> b
        any([t == "x" for t in text(o.content)])
""",
    "all before": """
raise "all" if:
    (a: ToolCall)
    forall:
        (o: ToolOutput)
        o -> a
        any([t == "x" for t in text(o.content)])
""",
    "for all": """
raise "all" if:
    (a: ToolCall)
    forall:
        (b: ToolCall)
        b.function.name == a.function.name
""",
}


def make_trace(seed: int) -> list[Event]:
    """Few names and values, so that much is equal."""
    rng = random.Random(seed)

    def one() -> Any:
        arguments = {"x": rng.choice(["x", "y", {"deep": [1, 1.0]}]), "n": rng.choice([1, 2, "z"])}
        return call(rng.choice(["f", "g"]), rng.choice([arguments, {}, '{"x": "x", "n": 1}']))

    events: list[Event] = []
    for _ in range(rng.randrange(3, 12)):
        kind = rng.randrange(4)
        if kind == 0:
            events.append(user(rng.choice(["x", "y"])))
        elif kind == 1:
            events.append(output(rng.choice(["x", "y", None])))
        else:
            events.append(assistant(*(one() for _ in range(rng.randrange(1, 3)))))
    return events


@pytest.mark.parametrize("name", COUNTED)
def test_counts_are_those_of_nested_loops(name: str) -> None:
    pair = Pair(HEAD + COUNTED[name], {})
    found = 0
    for seed in range(25):
        trace = make_trace(seed)
        found += len(check_optimised(pair, trace)["violations"])
        check_monitor(pair, trace)
        check_pending(pair, trace, len(trace) // 2)
    assert found


IN_CODE = sorted(
    name
    for name in COUNTED
    if name not in ("counts for different variables", "what may fail", "for all", "all before")
)


@pytest.mark.parametrize("name", COUNTED)
def test_which_are_counted_as_events_come(name: str) -> None:
    policy = Policy.from_string(HEAD + COUNTED[name])

    assert ("X.decide" not in policy._program.generated.source) == (name in IN_CODE)


def test_what_came_before_is_decided_once() -> None:
    """Not again after each event, for what is to come does not matter."""
    source = HEAD + COUNTED["what came before"]
    policy = Policy.from_string(source, limits=Limits(work=10**12))
    tested = {}
    for length in (50, 100):
        monitor = policy.monitor()
        for number in range(length):
            monitor.append(output("y"))
            monitor.append(calls("f", x=number))
        assert monitor.work is not None
        tested[length] = monitor.work.tested[0]
    assert tested[100] < 4.2 * tested[50]


def test_a_repeated_call_costs_what_it_completes() -> None:
    """Not what came before it: a monitor of a long session does the work of a short one."""
    source = HEAD + REPEATED.format(bounds="min=2")
    policy = Policy.from_string(source, limits=Limits(work=10**12))
    joined = {}
    for length in (100, 1000):
        monitor = policy.monitor()
        for number in range(length):
            assert not monitor.append(calls("bash", command=f"ls {number}"))
        assert monitor.work is not None
        joined[length] = monitor.work.joined[0]
        assert [len(monitor.append(calls("bash", command="ls 7"))) for _ in range(3)] == [0, 1, 1]
    assert joined == {100: 0, 1000: 0}


def test_matches_are_limited_by_what_is_reported() -> None:
    """Combinations that wait for their count are no matches."""
    source = HEAD + REPEATED.format(bounds="min=2")
    policy = Policy.from_string(source, limits=Limits(matches=1))
    others = [calls("f", x=number) for number in range(50)]

    assert not policy.analyze(others)
    assert [len(policy.analyze([calls("f")] * n).errors) for n in (2, 3, 4)] == [0, 0, 1]


def test_waiting_combinations_are_limited_as_objects_that_are_remembered() -> None:
    source = HEAD + COUNTED["no flow"]
    policy = Policy.from_string(source, limits=Limits(memory=20))

    assert not policy.analyze([user("a")] * 10)
    assert policy.analyze([user("a")] * 30).errors
