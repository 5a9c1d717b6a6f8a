"""How the work grows, counted: the gate against slower algorithms that does not depend on
clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks.cases import CALL_CHAIN, CASES, CHAIN, FLOW, prefix_policy, prefix_rules
from benchmarks.sizes import make_calls
from benchmarks.trace_maker import (
    SECRET,
    make_call_chain,
    make_long_trace,
    make_ordinary_events,
    make_traces,
)

from policyc import Limits, Policy

if TYPE_CHECKING:
    from benchmarks.cases import Case
    from benchmarks.trace_maker import Trace

    from policyc import Monitor

ENDLESS = Limits(work=10**12)


def fed(source: str, trace: Trace) -> tuple[Monitor, int]:
    """A monitor that counts its work and was fed a trace, and what it found."""
    monitor = Policy.from_string(source, limits=ENDLESS).monitor()
    return monitor, sum(len(monitor.append(event)) for event in trace)


def work_of(monitor: Monitor) -> dict[str, int]:
    """Its work, all rules together."""
    work = monitor.work
    assert work is not None
    names = ("tested", "joined", "remembered", "matched")
    return {name: sum(getattr(work, name)) for name in names}


def objects_in(trace: Trace) -> int:
    """Events and calls."""
    return sum(1 + len(event.get("tool_calls") or ()) for event in trace)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_object_is_tested_once_for_each_variable_and_pairs_that_fail_are_not_looked_at(
    case: Case,
) -> None:
    variables = 3
    for trace in make_traces(40):
        monitor, found = fed(case.source, trace)
        work = work_of(monitor)
        assert found == len(case.floor(trace))
        assert work["tested"] <= variables * objects_in(trace)
        # Partial matches of a chain are joined as well: never more than complete it or wait for it.
        assert work["joined"] <= 2 * work["matched"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ten_times_the_events_are_ten_times_the_work(case: Case) -> None:
    events = make_ordinary_events(2000)
    few, _ = fed(case.source, events[:200])
    many, _ = fed(case.source, events)
    assert work_of(many)["tested"] <= 10.5 * work_of(few)["tested"]
    assert work_of(many)["joined"] == work_of(few)["joined"] == 0


def test_a_long_trace_with_one_violation_joins_one_pair() -> None:
    for length in (10, 100, 1000):
        trace = make_long_trace(length)
        monitor, found = fed(FLOW.source, trace)
        work = work_of(monitor)
        assert found == 1
        assert (work["joined"], work["remembered"], work["matched"]) == (1, 1, 1)
        assert work["tested"] <= objects_in(trace)


@pytest.mark.parametrize("case", [FLOW, CHAIN], ids=lambda case: case.name)
def test_one_more_event_is_the_same_work_after_many_events(case: Case) -> None:
    more = make_ordinary_events(50)
    added = []
    for length in (10, 100, 2000):
        monitor, _ = fed(case.source, make_long_trace(length))
        before = work_of(monitor)
        for event in more:
            monitor.append(event)
        after = work_of(monitor)
        added.append({name: after[name] - before[name] for name in after})
    assert added[0] == added[1] == added[2]


def test_a_monitor_remembers_what_matched_and_nothing_else() -> None:
    trace = [event for session in make_traces(50) for event in session]
    secrets = sum(event["role"] == "tool" and SECRET in str(event["content"]) for event in trace)
    monitor, _ = fed(FLOW.source, trace)
    assert work_of(monitor)["remembered"] == secrets


def test_a_chain_of_calls_does_not_look_at_every_triple() -> None:
    monitor, found = fed(CALL_CHAIN, make_call_chain(80))
    work = work_of(monitor)
    assert work["matched"] == found
    # 26 searches in memory, and the pairs that are reported with the one mail.
    assert work["joined"] <= 27 + found
    assert work["tested"] == 3 * 80


def test_rules_for_other_tools_are_not_looked_at() -> None:
    tested = []
    for count in (10, 100, 1000):
        rules = prefix_rules(count)
        trace = [event for trace in make_calls(rules, 30) for event in trace]
        monitor, _ = fed(prefix_policy(rules), trace)
        tested.append(work_of(monitor)["tested"])
    assert tested == [150, 150, 150]
