"""Traces of about ten events, as wholes and event by event: P1 to P5."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.cases import CASES
from benchmarks.pairing import compare, in_process
from benchmarks.results import Row, duration
from benchmarks.setting import agree
from benchmarks.trace_maker import TRACES, make_traces
from policyc import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Case
    from benchmarks.pairing import Sampler, Timings
    from benchmarks.setting import Setting
    from benchmarks.trace_maker import Event, Trace

QUICK_TRACES = 30


def traces_of(setting: Setting) -> list[Trace]:
    """The sessions that are analyzed."""
    return make_traces(QUICK_TRACES if setting.effort.is_quick else TRACES)


def for_each(function: Callable[[Trace], Any], traces: list[Trace]) -> None:
    """Call a function with every trace."""
    for trace in traces:
        function(trace)


# --- whole traces -------------------------------------------------------------------------------


def whole_traces(setting: Setting) -> Iterator[Row]:
    """One analysis of each trace."""
    traces = traces_of(setting)
    with setting.running_oracle() as oracle:
        for case in CASES:
            policy = Policy.from_string(case.source)
            counts = [len(case.floor(trace)) for trace in traces]
            agree(case.name, floor=counts, policyc=[len(policy.analyze(x)) for x in traces])
            samplers: dict[str, Sampler] = {
                "floor": in_process(partial(for_each, case.floor, traces)),
                "policyc": in_process(partial(for_each, policy.analyze, traces)),
                "written out": in_process(partial(_written_out, policy, traces)),
            }
            if oracle is not None:
                found, _ = oracle.load("analyze", case.source, traces)
                agree(case.name, floor=counts, invariant=found)
                samplers["invariant-ai"] = oracle.sample
            yield from _rows(case, compare(samplers, setting.effort), len(traces))


def _written_out(policy: Policy, traces: list[Trace]) -> None:
    for trace in traces:
        _ = policy.analyze(trace).violations


def _rows(case: Case, timings: Timings, parts: int) -> Iterator[Row]:
    """The ratios of one policy; `parts`: how many traces or events a loop goes through."""
    what = f"{case.name} {case.title}"
    times = {name: duration(timings.time(name) / parts) for name in timings.seconds}
    is_whole = "written out" in times
    if not is_whole:
        yield Row(
            f"{what}, an event",
            timings.time("policyc") / parts * 1e6,
            "us",
            goal=1.0,
            stretch=0.4,
        )
    yield Row(
        f"{what}: to the floor",
        timings.ratio("policyc", "floor"),
        goal=2.0 if is_whole else None,
        stretch=1.4 if is_whole else None,
        note=f"{times['floor']}, policyc {times['policyc']}",
    )
    if "invariant-ai" not in times:
        return
    yield Row(
        f"{what}: invariant-ai to policyc",
        timings.ratio("invariant-ai", "policyc"),
        goal=400,
        stretch=500,
        more_is_better=True,
        note=times["invariant-ai"],
    )
    if is_whole:
        yield Row(
            f"{what}: the same, violations written out",
            timings.ratio("invariant-ai", "written out"),
            more_is_better=True,
            note=f"policyc {times['written out']}",
        )


# --- event by event -----------------------------------------------------------------------------


def event_by_event(setting: Setting) -> Iterator[Row]:
    """Every event checked as it comes, with a new monitor for each session."""
    traces = traces_of(setting)
    events = sum(map(len, traces))
    with setting.running_oracle() as oracle:
        for case in CASES:
            if case.session is None:
                continue
            policy = Policy.from_string(case.source)
            counts = [len(case.floor(trace)) for trace in traces]
            agree(
                case.name,
                whole=counts,
                floor=[_by_floor(case.session, trace) for trace in traces],
                policyc=[_by_monitor(policy, trace) for trace in traces],
            )
            samplers: dict[str, Sampler] = {
                "floor": in_process(partial(for_each, partial(_by_floor, case.session), traces)),
                "policyc": in_process(partial(for_each, partial(_by_monitor, policy), traces)),
            }
            if oracle is not None:
                found, _ = oracle.load("session", case.source, traces)
                agree(case.name, whole=counts, invariant=found)
                samplers["invariant-ai"] = oracle.sample
            yield from _rows(case, compare(samplers, setting.effort), events)


def _by_floor(session: Callable[[], Callable[[Event], Any]], trace: Trace) -> int:
    """The number of matches found event by event."""
    append = session()
    count = 0
    for event in trace:
        found = append(event)
        if found:
            count += len(found)
    return count


def _by_monitor(policy: Policy, trace: Trace) -> int:
    append = policy.monitor().append
    count = 0
    for event in trace:
        result = append(event)
        if result:
            count += len(result)
    return count
