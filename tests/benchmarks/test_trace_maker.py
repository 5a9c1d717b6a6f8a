"""The traces that are measured have the shape that the documentation claims."""

from __future__ import annotations

from statistics import mean

from benchmarks.floors import flow
from benchmarks.trace_maker import make_long_trace, make_ordinary_events, make_traces


def test_the_same_traces_every_time() -> None:
    assert make_traces(20) == make_traces(20)
    assert make_traces(20) != make_traces(20, seed=1)


def test_sessions_are_like_recorded_ones() -> None:
    traces = make_traces()
    messages = [event for trace in traces for event in trace if event.get("tool_calls")]
    calls = [call for event in messages for call in event["tool_calls"]]
    texts = [call for call in calls if isinstance(call["function"]["arguments"], str)]
    assert 9 <= mean(map(len, traces)) <= 10
    assert {event["role"] for trace in traces for event in trace} == {
        "system",
        "user",
        "assistant",
        "tool",
    }
    assert 0.6 <= mean(event["content"] is None for event in messages) <= 0.8
    assert 0.1 <= mean(len(event["tool_calls"]) > 1 for event in messages) <= 0.2
    assert 0.2 <= len(texts) / len(calls) <= 0.3


def test_a_long_trace_has_its_length_and_one_violation() -> None:
    for length in (4, 10, 11, 99, 1000):
        trace = make_long_trace(length)
        assert len(trace) == length
        assert len(flow(trace)) == 1


def test_ordinary_events_hold_nothing_that_is_looked_for() -> None:
    text = str(make_ordinary_events(300))
    for word in ("confidential", "urgent", "password", "send_email", "read_inbox"):
        assert word not in text
