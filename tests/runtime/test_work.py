"""How much a search does, in counters that do not depend on the machine.

`tested`: objects whose conditions are evaluated. `joined`: entries of memories looked at.
`remembered`: objects kept. All by rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.traces import assistant, call, calls, output, user

from policyc import Limits, Policy

if TYPE_CHECKING:
    from policyc.runtime.limits import Work

UNLIMITED = Limits(work=10**12)

FLOW = """
    raise "leak" if:
        (a: ToolOutput) -> (b: ToolCall) -> (c: ToolOutput)
        "secret" in a.content
        b is tool:send
        "sent" in c.content
"""


def work_of(source: str, trace: list[dict[str, object]]) -> tuple[Work, int]:
    """What a monitor did for a trace, and the number of violations."""
    monitor = Policy.from_string(source, limits=UNLIMITED).monitor()
    violations = sum(len(monitor.append(event)) for event in trace)
    assert monitor.work is not None
    return monitor.work, violations


@pytest.mark.parametrize("matching", [0, 1, 5])
def test_a_flow_looks_only_at_what_matched(matching: int) -> None:
    quiet = [user("hello"), calls("read"), output("nothing")] * 50
    busy = [output("secret"), calls("send"), output("sent")] * matching
    trace = [*quiet, *busy, *quiet]

    work, violations = work_of(FLOW, trace)

    assert violations == matching * (matching + 1) * (matching + 2) // 6
    # Each object once for each variable of its type.
    outputs = sum(event["role"] == "tool" for event in trace)
    assert work.tested[0] <= 2 * outputs + (len(trace) - outputs)
    assert work.remembered[0] == 2 * matching
    assert work.joined[0] <= 2 * violations


def test_conditions_are_tested_once_for_each_object() -> None:
    """However many pairs there are."""
    policy = """
        raise "x" if:
            (a: Message)
            (b: Message)
            a.content == "nothing"
            b.content == "like it"
    """
    trace = [user(str(number)) for number in range(200)]

    work, _ = work_of(policy, trace)

    assert work.tested[0] == 400
    assert work.joined[0] == work.remembered[0] == 0


def test_equal_values_are_found_by_a_dict() -> None:
    policy = """
        raise "x" if:
            (a: ToolCall) -> (b: ToolCall)
            a.function.arguments.x == b.function.arguments.x
    """
    trace = [calls("f", x=number % 100) for number in range(300)]

    work, violations = work_of(policy, trace)

    assert violations == 300
    assert work.joined[0] == violations


@pytest.mark.parametrize("size", [20, 80])
def test_a_chain_of_three_calls_looks_at_no_failed_triple(size: int) -> None:
    policy = """
        raise "x" if:
            (a: ToolCall) -> (b: ToolCall) -> (c: ToolCall)
            a is tool:f
            b is tool:g
            c is tool:h
    """
    trace = [calls("fghx"[number % 4]) for number in range(size)]

    work, violations = work_of(policy, trace)

    n = size // 4
    assert violations == n * (n + 1) * (n + 2) // 6
    pairs_for_each_sink = n * (n + 1) // 2
    assert work.joined[0] <= violations + pairs_for_each_sink
    assert work.tested[0] <= 3 * size


def test_one_more_event_costs_the_same_after_many() -> None:
    """100,000 events, a flow of three steps: constant work for each, memory bounded by matches."""
    policy = Policy.from_string(FLOW, limits=UNLIMITED)
    monitor = policy.monitor()
    work = monitor.work
    assert work is not None
    events = [output("secret"), calls("send"), user("hello"), calls("read"), output("nothing")]
    most = 0
    for number in range(100_000):
        before = work.total
        # The first two events match the first two steps, and nothing completes the flow.
        assert not monitor.append(events[number] if number < 2 else events[2 + number % 3])
        most = max(most, work.total - before)

    assert most <= 2
    assert work.remembered == [2]
    (violation,) = monitor.append(output("sent"))
    assert violation.ranges == [
        "0",
        "0.content:0-6",
        "1.tool_calls.0",
        "100000",
        "100000.content:0-4",
    ]


def test_a_monitor_of_a_flow_keeps_no_events() -> None:
    monitor = Policy.from_string(FLOW).monitor()
    for _ in range(10):
        monitor.append(user("hello"))

    assert monitor._events is None


@pytest.mark.parametrize(
    "rule",
    [
        "(c: ToolCall)\n    c is tool:f\n    c.function.arguments.x > 5",
        "(a: ToolOutput) -> (b: ToolCall)\n    a.content == b.function.arguments.x",
        "(m: Message)\n    any(find('a+b', m.content))",
        "(a: ToolCall) ~> (b: ToolCall)\n    a is tool:f\n    b is tool:g",
        "count(min=3):\n        (c: ToolCall)\n        c is tool:f",
    ],
)
def test_common_rules_do_not_need_the_events_of_the_past(rule: str) -> None:
    """But for `count` next to nothing is remembered; none of these keeps the trace."""
    head = "from invariant import count\n" if "count" in rule else ""
    program = Policy.from_string(f'{head}raise "x" if:\n    {rule}\n')._program

    assert program.generated.keeps_events is ("count" in rule)


def test_many_rules_for_tools_cost_a_call_what_its_own_rules_cost() -> None:
    rules = "".join(
        f'raise "rule {number}" if:\n    (c: ToolCall)\n    c is tool:t{number}\n'
        f'    c.function.arguments.x == "bad"\n'
        for number in range(300)
    )
    monitor = Policy.from_string(rules, limits=UNLIMITED).monitor()

    result = monitor.append(assistant(call("t7", {"x": "bad"}), call("none"), call("t9")))

    assert [violation.message for violation in result] == ["rule 7"]
    assert monitor.work is not None
    assert monitor.work.total == 2


def test_a_count_is_kept_and_not_made_again() -> None:
    policy = """from invariant import count
raise "x" if:
    count(min=5000):
        (c: ToolCall)
        c is tool:f
"""
    trace = [calls("f") for _ in range(1000)]

    work, violations = work_of(policy, trace)

    assert violations == 0
    assert work.tested[0] == 1000
    assert work.joined[0] == work.remembered[0] == 0


def test_a_batch_does_the_work_of_a_monitor() -> None:
    """The same lines run for a whole trace, so a budget of that work is just enough."""
    trace = [output("secret"), calls("send"), output("sent"), user()] * 5
    work, violations = work_of(FLOW, trace)

    enough = Policy.from_string(FLOW, limits=Limits(work=work.total))
    short = Policy.from_string(FLOW, limits=Limits(work=work.total - 1))

    assert len(enough.analyze(trace)) == violations
    assert not enough.analyze(trace).errors
    assert short.analyze(trace).errors
