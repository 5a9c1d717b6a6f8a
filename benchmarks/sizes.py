"""How cost grows: with the number of rules (P6) and with the length of the trace (P7)."""

from __future__ import annotations

import tracemalloc
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from benchmarks.analysis import for_each
from benchmarks.cases import (
    CALL_CHAIN,
    CHAIN,
    FLOW,
    RULES_A_TOOL,
    prefix_policy,
    prefix_rules,
    rules_of,
)
from benchmarks.floors import flow_session, prefix_table
from benchmarks.pairing import compare, in_process
from benchmarks.results import Row, duration
from benchmarks.setting import Setting, agree
from benchmarks.trace_maker import make_call_chain, make_long_trace, make_ordinary_events
from policyc import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.pairing import Sampler
    from benchmarks.trace_maker import Event, Trace

CALLS = 500
TOOLS_OF_AN_AGENT = 20
ORACLE_CALLS = 20
MOST_RULES_OF_ORACLE = 100
MOST_EVENTS_OF_ORACLE = 1000


# --- rules --------------------------------------------------------------------------------------


def rule_counts(setting: Setting) -> tuple[int, ...]:
    return (1, 10, 100, 1000) if setting.effort.is_quick else (1, 10, 100, 1000, 10_000)


def make_calls(
    rules: list[tuple[str, str]], count: int, most_tools: int | None = TOOLS_OF_AN_AGENT
) -> list[Trace]:
    """Traces of one call each to up to that many tools; one in ten is what some rule forbids."""
    random = Random(count)
    tools = sorted({tool for tool, _ in rules})
    if most_tools is not None and len(tools) > most_tools:
        tools = random.sample(tools, most_tools)
    used = [rule for rule in rules if rule[0] in tools]
    traces = []
    for _ in range(count):
        tool, prefix = random.choice(used)
        folder = prefix if random.random() < 0.1 else "/home/"
        arguments = {"path": f"{folder}{random.randrange(10**6)}.txt", "mode": "r"}
        function = {"name": tool, "arguments": arguments}
        calls = [{"id": "1", "type": "function", "function": function}]
        traces.append([{"role": "assistant", "content": None, "tool_calls": calls}])
    return traces


def many_rules(setting: Setting) -> Iterator[Row]:
    """P6: one tool call at a time against more and more rules."""
    samplers: dict[str, Sampler] = {}
    counts = rule_counts(setting)
    for count in counts:
        rules = prefix_rules(count)
        policy, floor = Policy.from_string(prefix_policy(rules)), prefix_table(rules)
        traces = make_calls(rules, CALLS)
        agree(
            f"{count} rules",
            floor=[len(floor(trace)) for trace in traces],
            policyc=[len(policy.analyze(trace)) for trace in traces],
        )
        samplers[f"floor {count}"] = in_process(partial(for_each, floor, traces))
        samplers[f"policyc {count}"] = in_process(partial(for_each, policy.analyze, traces))
    spread = make_calls(rules, CALLS, most_tools=None)
    samplers["floor spread"] = in_process(partial(for_each, floor, spread))
    samplers["policyc spread"] = in_process(partial(for_each, policy.analyze, spread))
    timings = compare(samplers, setting.effort)
    for count in counts:
        floor_time = duration(timings.time(f"floor {count}") / CALLS)
        time = duration(timings.time(f"policyc {count}") / CALLS)
        yield Row(
            f"P6 a call against {rules_of(count)}: to a dict by tool",
            timings.ratio(f"policyc {count}", f"floor {count}"),
            note=f"{floor_time}, policyc {time}",
        )
    most = counts[-1]
    yield Row(
        f"P6 a call: {most} rules over 10 rules",
        timings.ratio(f"policyc {most}", "policyc 10"),
        goal=1.5,
        stretch=1.3,
    )
    yield Row(
        f"P6 the same with calls to all {most // RULES_A_TOOL} tools: what memory costs",
        timings.ratio("policyc spread", "policyc 10"),
        note=f"the floor x{timings.ratio('floor spread', 'floor 10'):.3g}",
    )
    yield from _rules_of_oracle(setting)


def _rules_of_oracle(setting: Setting) -> Iterator[Row]:
    with setting.running_oracle() as oracle:
        if oracle is None:
            return
        for count in rule_counts(setting):
            if count > (10 if setting.effort.is_quick else MOST_RULES_OF_ORACLE):
                return
            rules = prefix_rules(count)
            source = prefix_policy(rules)
            traces = make_calls(rules, ORACLE_CALLS)
            policy = Policy.from_string(source)
            found, _ = oracle.load("analyze", source, traces)
            agree(
                f"{count} rules",
                policyc=[len(policy.analyze(trace)) for trace in traces],
                invariant=found,
            )
            samplers: dict[str, Sampler] = {
                "policyc": in_process(partial(for_each, policy.analyze, traces)),
                "invariant-ai": oracle.sample,
            }
            timings = compare(samplers, setting.effort)
            yield Row(
                f"P6 a call against {rules_of(count)}: invariant-ai to policyc",
                timings.ratio("invariant-ai", "policyc"),
                more_is_better=True,
                note=duration(timings.time("invariant-ai") / ORACLE_CALLS),
            )


# --- events -------------------------------------------------------------------------------------


def event_counts(setting: Setting) -> tuple[int, ...]:
    return (10, 100, 1000) if setting.effort.is_quick else (10, 100, 1000, 10_000, 100_000)


def long_traces(setting: Setting) -> Iterator[Row]:
    """P7: P3 on a trace with exactly one violation, longer and longer."""
    policy = Policy.from_string(FLOW.source)
    ratios: dict[int, float] = {}
    with setting.running_oracle() as oracle:
        for count in event_counts(setting):
            trace = make_long_trace(count)
            agree(
                f"{count} events", floor=len(FLOW.floor(trace)), policyc=len(policy.analyze(trace))
            )
            agree(f"{count} events", expected=1, policyc=len(policy.analyze(trace)))
            samplers: dict[str, Sampler] = {
                "floor": in_process(partial(FLOW.floor, trace)),
                "policyc": in_process(partial(policy.analyze, trace)),
            }
            most = 100 if setting.effort.is_quick else MOST_EVENTS_OF_ORACLE
            if oracle is not None and count <= most:
                found, _ = oracle.load("analyze", FLOW.source, [trace])
                agree(f"{count} events", expected=[1], invariant=found)
                samplers["invariant-ai"] = oracle.sample
            timings = compare(samplers, setting.effort)
            ratios[count] = timings.ratio("policyc", "floor")
            is_measure = count == 1000
            yield Row(
                f"P7 {count} events: to the floor",
                ratios[count],
                goal=1.3 if is_measure else None,
                stretch=1.1 if is_measure else None,
                note=f"{duration(timings.time('floor'))},"
                f" policyc {duration(timings.time('policyc'))}",
            )
            if "invariant-ai" in samplers:
                yield Row(
                    f"P7 {count} events: invariant-ai to policyc",
                    timings.ratio("invariant-ai", "policyc"),
                    goal=10_000 if is_measure else None,
                    stretch=30_000 if is_measure else None,
                    more_is_better=True,
                    note=duration(timings.time("invariant-ai")),
                )
    most = event_counts(setting)[-1]
    if most > 1000:
        yield Row(
            f"P7 growth: the ratio to the floor at {most} events over that at 1000",
            ratios[most] / ratios[1000],
            goal=1.2,
            stretch=1.05,
        )


MORE = 1000
"""Events that one sample of "one more event" goes through."""


def one_more_event(setting: Setting) -> Iterator[Row]:
    """What an event costs a monitor that has seen few or many events."""
    events = make_ordinary_events(MORE)
    counts = event_counts(setting)
    for case, title in ((FLOW, "P3"), (CHAIN, "P4, a flow of three steps")):
        policy = Policy.from_string(case.source)
        samplers: dict[str, Sampler] = {}
        if case is FLOW:
            append = flow_session()
            for event in make_long_trace(1000):
                append(event)
            samplers["floor"] = in_process(partial(_fed, append, events))
        for count in counts:
            monitor = policy.monitor()
            found = sum(len(monitor.append(event)) for event in make_long_trace(count))
            agree(f"{case.name}, {count} events", expected=int(case is FLOW), policyc=found)
            samplers[f"{count}"] = in_process(partial(_fed, monitor.append, events))
        timings = compare(samplers, setting.effort)
        most = counts[-1]
        yield Row(
            f"{title}: after {most} events",
            timings.time(f"{most}") / MORE * 1e6,
            "us",
            goal=1.0,
            stretch=0.4,
        )
        if "floor" in samplers:
            yield Row(
                f"{title}: after 1000 events, to the floor",
                timings.ratio("1000", "floor"),
                note=duration(timings.time("floor") / MORE),
            )
        if most > 1000:
            yield Row(
                f"{title}: after {most} events over after 1000",
                timings.ratio(f"{most}", "1000"),
                goal=1.3,
                stretch=1.1,
            )


def _fed(append: Callable[[Event], Any], events: Trace) -> None:
    for event in events:
        append(event)


# --- chains and memory --------------------------------------------------------------------------

CHAIN_CALLS = 80


def call_chain(setting: Setting) -> Iterator[Row]:
    """A chain of three calls over eighty: what a search without indexes has half a million
    candidates for.
    """
    policy = Policy.from_string(CALL_CHAIN)
    trace = make_call_chain(CHAIN_CALLS)
    expected = _chains(trace)
    monitor = policy.monitor()
    agree(
        "chain",
        expected=expected,
        policyc=len(policy.analyze(trace)),
        monitor=sum(len(monitor.append(event)) for event in trace),
    )
    timings = compare(
        {
            "whole": in_process(partial(policy.analyze, trace)),
            "events": in_process(lambda: _fed(policy.monitor().append, trace)),
        },
        setting.effort,
    )
    for name, title in (("whole", "as a whole"), ("events", "event by event, the whole session")):
        yield Row(
            f"three calls in a row among {CHAIN_CALLS}, {title}",
            timings.time(name) * 1e3,
            "ms",
            goal=10,
            note=f"{expected} violations",
        )


def _chains(trace: Trace) -> int:
    """The number of chains, by looking at every triple."""
    names = [call["function"]["name"] for event in trace for call in event["tool_calls"]]
    return sum(
        names[a] == "read_inbox" and names[b] == "search_web" and names[c] == "send_email"
        for c in range(len(names))
        for b in range(c)
        for a in range(b)
    )


def memory(setting: Setting) -> Iterator[Row]:
    """What a monitor keeps of many events in which nothing matches."""
    count = event_counts(setting)[-1]
    events = make_ordinary_events(count)
    for case in (FLOW, CHAIN):
        policy = Policy.from_string(case.source)
        policy.monitor().append(events[0])
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            monitor = policy.monitor()
            found = sum(len(monitor.append(event)) for event in events)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        agree(case.name, expected=0, policyc=found)
        yield Row(
            f"{case.name}: a monitor after {count} events, over the trace",
            (after - before) / 2**20,
            "MiB",
            goal=1.0,
        )
