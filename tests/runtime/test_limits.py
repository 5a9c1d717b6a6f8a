"""Limits: reaching one is an error that names the rule; other rules answer; nothing is made up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import keys, messages
from tests.traces import assistant, calls, output, user

from policyc import LimitExceeded, Limits, Policy

if TYPE_CHECKING:
    from tests.traces import Event

    from policyc import AnalysisResult

PAIRS = """
    raise "pairs" if:
        (a: Message)
        (b: Message)
        a.content == b.content

    raise "other" if:
        (m: Message)
        m.content == "7"
"""
TRACE = [user(str(number)) for number in range(100)]


def limit_errors(result: AnalysisResult) -> dict[str, str]:
    """The limit of each rule that reached one."""
    causes = [error.cause for error in result.errors]
    assert all(isinstance(cause, LimitExceeded) for cause in causes)
    return {cause.rule: cause.limit for cause in causes}  # type: ignore[union-attr]  # as asserted


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(work=250), "250 candidates looked at"),
        (Limits(memory=50), "50 objects remembered"),
        (Limits(matches=20), "20 matches"),
    ],
)
def test_a_limit_is_an_error_of_the_rule_that_reached_it(limits: Limits, told: str) -> None:
    result = Policy.from_string(PAIRS, limits=limits).analyze(TRACE)

    assert limit_errors(result) == {"pairs": told}
    assert result.errors[0].message == f"rule `pairs` reached its limit of {told}"
    assert result.errors[0].line == 2
    assert result.blocked
    assert messages(result)[-1] == "other"


def test_what_was_found_before_the_limit_stays() -> None:
    result = Policy.from_string(PAIRS, limits=Limits(matches=20)).analyze(TRACE)

    assert messages(result) == ["pairs"] * 20 + ["other"]
    assert keys(result)[:20] == [(number, number) for number in range(20)]


def test_limits_that_are_not_reached_change_nothing() -> None:
    limits = Limits(seconds=60, work=10**6, memory=10**6, matches=10**6)
    expected = Policy.from_string(PAIRS).analyze(TRACE)

    assert Policy.from_string(PAIRS, limits=limits).analyze(TRACE).to_dict() == expected.to_dict()


def test_time_is_a_limit_of_all_rules() -> None:
    policy = Policy.from_string(
        """
        raise "slow" if:
            (a: Message)
            (b: Message)
            (c: Message)
            slow(a, b, c)
        """,
        functions={"slow": lambda *_: time.sleep(0.0005)},
        limits=Limits(seconds=0.05),
    )
    started = time.monotonic()

    result = policy.analyze(TRACE)

    assert limit_errors(result) == {"slow": "0.05 seconds"}
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "rule",
    [
        # What the search itself does not look at is counted as well.
        "(a: Message)\n    (b: Message)\n    (c: Message)\n    own(a, b, c)",
        "(a: Message)\n    (b: Message)\n    (c: Message)\n    a.metadata.x + 1 > 5",
        "(a: Message)\n    exists(a)",
        "(a: Message)\n    count(min=10000):\n        (b: Message)\n        b.content != a.content",
        "(a: Message)\n    (i: int) in input.many\n    (j: int) in input.many\n    i + j == 0",
        "count(min=1000000):\n        (a: Message)\n        (b: Message)\n        (c: Message)",
    ],
)
@pytest.mark.parametrize("optimize", [True, False])
def test_work_of_every_kind_is_counted(rule: str, optimize: bool) -> None:
    policy = Policy.from_string(
        f"""from invariant import count

exists(m: Message) :=
    (x: Message)
    (y: Message)
    x.content + y.content == m.content

raise "x" if:
    {rule}
""",
        functions={"own": lambda *_: False},
        limits=Limits(work=2000),
        optimize=optimize,
    )
    trace = [user(str(number), metadata={"x": "text"}) for number in range(60)]
    started = time.monotonic()

    result = policy.analyze(trace, many=list(range(1, 100)))

    assert limit_errors(result) == {"x": "2000 candidates looked at"}
    assert time.monotonic() - started < 5


def test_the_counts_of_a_rule_that_was_cut_short_prove_nothing() -> None:
    """`count(max=...)` must not hold because the counting ended early."""
    policy = Policy.from_string(
        """from invariant import count
raise "at most" if:
    (a: Message)
    count(max=50):
        (b: Message)
        b.role == "user"
""",
        limits=Limits(work=80),
    )

    result = policy.analyze(TRACE)

    assert messages(result) == []
    assert limit_errors(result) == {"at most": "80 candidates looked at"}


@pytest.mark.parametrize("limits", [Limits(memory=5), Limits(matches=5)])
def test_a_monitor_stays_blocked_until_reset(limits: Limits) -> None:
    policy = Policy.from_string(
        """
        raise "pairs" if:
            (a: Message)
            (b: Message)
            a.content == b.content
        """,
        limits=limits,
    )
    monitor = policy.monitor()

    blocked = [bool(monitor.append(event).errors) for event in TRACE[:10]]
    assert blocked == sorted(blocked) and True in blocked and False in blocked
    # An event that no rule looks at does not lift it.
    assert monitor.append(output()).errors

    monitor.reset()
    result = monitor.append(TRACE[0])
    assert keys(result) == [(0, 0)] and not result.errors


def test_work_and_time_begin_anew_with_each_event_of_a_monitor() -> None:
    policy = Policy.from_string(PAIRS, limits=Limits(work=250, seconds=10))

    monitor = policy.monitor()
    assert not any(monitor.append(event).errors for event in TRACE)
    assert policy.analyze(TRACE).errors


def test_a_rule_over_its_limit_costs_nothing_more() -> None:
    policy = Policy.from_string(PAIRS, limits=Limits(memory=5))
    monitor = policy.monitor()
    for event in TRACE[:20]:
        monitor.append(event)
    assert monitor.work is not None
    before = list(monitor.work.tested), list(monitor.work.joined)

    for event in TRACE[20:]:
        monitor.append(event)

    tested, joined = before
    assert monitor.work.tested == [tested[0], tested[1] + 80]
    assert monitor.work.joined == joined


def test_pending_analysis_keeps_to_limits() -> None:
    policy = Policy.from_string(PAIRS, limits=Limits(work=250))

    result = policy.analyze_pending(TRACE, [user("7")])

    assert limit_errors(result) == {"pairs": "250 candidates looked at"}
    assert messages(result) == ["other"]


@pytest.mark.parametrize("limits", [{"work": 0}, {"seconds": -1}, {"memory": 0}, {"matches": -5}])
def test_a_limit_is_positive(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Limits(**limits)


def test_limits_may_be_a_mapping() -> None:
    assert Policy.from_string(PAIRS, limits={"matches": 20}).analyze(TRACE).errors
    with pytest.raises(ValueError, match="there is no limit `speed`"):
        Policy.from_string(PAIRS, limits={"speed": 1})


def hostile_rules() -> list[str]:
    return [
        'raise "x" if:\n    (c: ToolCall)\n    "a" * c.function.arguments.n == "b"\n',
        'raise "x" if:\n    (c: ToolCall)\n    10 ** c.function.arguments.n > 5\n',
        'raise "x" if:\n    (c: ToolCall)\n    [1] * c.function.arguments.n == [2]\n',
        'raise "x" if:\n    (c: ToolCall)\n    match("(a+)+$", c.function.arguments.t)\n',
        'raise "x" if:\n    (c: ToolCall)\n    find("(x+x+)+y", c.function.arguments.t)\n',
        'raise "x" if:\n    (c: ToolCall)\n    c is tool:f({t: "(a|aa)+"})\n',
        'raise "x" if:\n    (c: ToolCall)\n    "{:9999999}".format(c.id) == "a"\n',
        'raise "x" if:\n    (c: ToolCall)\n    json_loads(c.function.arguments.deep) == 1\n',
    ]


@pytest.mark.parametrize("rule", hostile_rules())
def test_without_limits_a_step_is_still_bounded(rule: str) -> None:
    """No policy and no trace makes one evaluation long: it answers, or says why it does not."""
    event: Event = calls("f", n=10**9, t="a" * 40 + "b", deep="[" * 10**5)
    started = time.monotonic()

    result = Policy.from_string(rule).analyze([event, assistant()])

    assert time.monotonic() - started < 3
    assert not list(result)
