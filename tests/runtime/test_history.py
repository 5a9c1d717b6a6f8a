"""Histories: coordinates, indexes, places, and which call an output answers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from tests.traces import assistant, call, calls, output, tools, user

from policyc.compiler import typesystem as ts
from policyc.runtime.events import Message, ToolCall
from policyc.runtime.history import UNREADABLE, CallLinks, History, ToolCounts

if TYPE_CHECKING:
    from tests.traces import Event

TRACE: list[Event] = [
    user("a"),
    tools("s", "t"),
    tools(),
    assistant(call("f", id="1"), call("g", id="2")),
    output("b", id="1"),
    tools("u"),
    {"type": "function", "id": "3", "function": {"name": "h"}},
    output([{"type": "text", "text": "c"}], id="3"),
]
INDEXES = [0, 1, 3, 3, 4, 5, 6, 7]
"""Of each event of the trace: a `tools` event takes one for each of its tools."""
DOMAINS = [
    ts.MESSAGE,
    ts.TOOL_CALL,
    ts.FUNCTION,
    ts.TOOL_OUTPUT,
    ts.TOOL,
    ts.TEXT_CHUNK,
    ts.TEXT,
    ts.INPUT,
]


def test_indexes_count_one_for_each_tool() -> None:
    counts = History(TRACE).counts

    assert [counts.index(number) for number in range(len(TRACE))] == INDEXES
    assert counts.sizes() == [(1, 2), (2, 0), (5, 1)]
    again = ToolCounts.of(counts.sizes())
    assert [again.index(number) for number in range(len(TRACE))] == INDEXES


def test_a_trace_without_tools_counts_events() -> None:
    assert [ToolCounts().index(number) for number in (0, 5)] == [0, 5]
    assert ToolCounts.of(None).sizes() == []


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_an_object_is_found_again_at_its_coordinate(domain: ts.Type) -> None:
    history = History(TRACE)
    objects = history.objects(domain)

    assert objects
    for coordinate, value, place in objects:
        found, found_place = history.object_at(domain, coordinate)
        assert (found, found_place) == (value, place)
    coordinates = [coordinate for coordinate, _, _ in objects]
    assert coordinates == sorted(set(coordinates))


def test_objects_know_their_event() -> None:
    history = History(TRACE)

    for domain in (ts.MESSAGE, ts.TOOL_CALL, ts.FUNCTION, ts.TOOL_OUTPUT, ts.TOOL):
        for (number, part), view, place in history.objects(domain):
            assert history.number(view) == number
            assert view.index == place[0] == INDEXES[number] + (part if domain == ts.TOOL else 0)


def test_parts_of_a_history_have_the_coordinates_of_the_whole() -> None:
    """A monitor looks at a few events with the counts and links of all."""
    whole = History(TRACE)
    part = History({4: TRACE[4], 7: TRACE[7]}, ToolCounts.of(whole.counts.sizes()), whole.links)

    assert [entry[0] for entry in part.objects(ts.TOOL_OUTPUT)] == [(4, -1), (7, -1)]
    assert [view.index for _, view, _ in part.objects(ts.TOOL_OUTPUT)] == [4, 7]
    called = [part.call_of(view) for _, view, _ in part.objects(ts.TOOL_OUTPUT)]
    assert [one.place for one in called if one is not None] == [(3, "tool_calls", 0), (6,)]


def test_the_order_of_events_and_calls() -> None:
    history = History(TRACE)
    kinds = (ts.MESSAGE, ts.TOOL_CALL, ts.TOOL_OUTPUT, ts.TOOL)
    views = [entry for kind in kinds for entry in history.objects(kind)]
    in_order = [view for _, view, _ in sorted(views, key=lambda entry: entry[0])]

    for first, second in pairwise(in_order):
        assert history.is_before(first, second)
        assert not history.is_before(second, first)
        assert history.is_before(first, second, immediately=True)
    for first in in_order:
        followers = [x for x in in_order if history.is_before(first, x, immediately=True)]
        assert len(followers) <= 1
        assert not history.is_before(first, first)


@pytest.mark.parametrize("value", [None, "text", 5, [], {"role": "user"}])
def test_what_is_no_event_has_no_order(value: Any) -> None:
    history = History([user()])
    message = Message(user(), (0,), 0)

    assert not history.is_before(value, message)
    assert not history.is_before(message, value)


def test_a_refused_event_has_a_place_and_nothing_in_it() -> None:
    history = History([user(), UNREADABLE, user()])

    assert [entry[0] for entry in history.objects(ts.MESSAGE)] == [(0, -1), (2, -1)]
    assert [view.index for _, view, _ in history.objects(ts.MESSAGE)] == [0, 2]
    first, second = (view for _, view, _ in history.objects(ts.MESSAGE))
    assert history.is_before(first, second)
    assert not history.is_before(first, second, immediately=True)


# --- calls and outputs ----------------------------------------------------------------------------


def answered(events: list[Any]) -> list[tuple[int, int] | None]:
    """The coordinate of the call of each output."""
    links = CallLinks()
    for number, event in enumerate(events):
        links.add(number, event)
    found = [links.find(n, e) for n, e in enumerate(events) if e.get("role") == "tool"]
    return [None if one is None else one[0] for one in found]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([calls("f"), output(id="1")], [(0, 0)]),
        ([output(id="1"), calls("f")], [None]),
        ([calls("f"), output(id="2")], [None]),
        ([calls("f"), calls("g"), output(id="1")], [(1, 0)]),
        ([calls("f"), output(id="1"), calls("g"), output(id="1")], [(0, 0), (2, 0)]),
        ([assistant(call("f", id="1"), call("g", id="2")), output(id=None)], [(0, 1)]),
        ([output(id=None)], [None]),
        ([calls("f"), {"role": "tool", "tool_call_id": 1}], [None]),
        ([assistant({**call("f"), "id": None}), output(id=None)], [(0, 0)]),
        ([assistant({**call("f"), "id": 5}), output(id="5")], [None]),
        ([{"type": "function", "id": "1", "function": {"name": "f"}}, output(id="1")], [(0, -1)]),
    ],
)
def test_an_output_answers_the_latest_call_with_its_id(
    events: list[Any], expected: list[tuple[int, int] | None]
) -> None:
    assert answered(events) == expected


def test_the_call_of_an_output_as_an_object() -> None:
    history = History([user(), assistant(call("f", id="1"), call("g", id="2")), output(id="2")])
    ((_, view, _),) = history.objects(ts.TOOL_OUTPUT)

    called = history.call_of(view)

    assert isinstance(called, ToolCall)
    assert called.place == (1, "tool_calls", 1)
    assert called.data["function"]["name"] == "g"
