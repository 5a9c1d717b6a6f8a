"""The events of an analysis as objects with coordinates, made only where they are asked for.

A coordinate is `(event, part)`: the number of the event in the list as given, and the number of the
tool call, chunk, tool or text within it, or -1 for the event itself. Coordinates order objects as
the trace does: an event comes before its parts. The *index* of an event, which places and keys
show, counts a `tools` event once for each tool in it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Any

from policyc.compiler import typesystem as ts
from policyc.runtime.events import (
    Chunks,
    Function,
    Message,
    Place,
    Tool,
    ToolCall,
    ToolOutput,
    TraceObject,
)
from policyc.runtime.support import call_parts
from policyc.runtime.texts import collect_texts
from policyc.runtime.traces import event_kind, function_of, tool_calls_of, tools_of
from policyc.runtime.values import chunk_images, chunk_texts, chunk_view, content_view, member

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyc.compiler.typesystem import Type
    from policyc.runtime.matches import Coordinate, Event
    from policyc.runtime.taint import Sources


UNREADABLE: Event = {}
"""Stands for an event that a monitor refused: it has a place, and nothing is in it."""


class ToolCounts:
    """How many tools the `tools` events hold, to turn event numbers into indexes and back."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.extra: list[int] = []

    @classmethod
    def of(cls, sizes: Sequence[tuple[int, int]] | None) -> ToolCounts:
        """The counts of `tools` events given by number and size, in order."""
        counts = cls()
        for number, tools in sizes or ():
            counts.add(number, tools)
        return counts

    def add(self, number: int, tools: int) -> None:
        """Note that event `number` holds that many tools; events come in order."""
        before = self.extra[-1] if self.extra else 0
        self.numbers.append(number)
        self.extra.append(before + tools - 1)

    def sizes(self) -> list[tuple[int, int]]:
        """The number and the count of tools of each `tools` event."""
        found, before = [], 0
        for number, extra in zip(self.numbers, self.extra, strict=True):
            found.append((number, extra - before + 1))
            before = extra
        return found

    def index(self, number: int) -> int:
        """The index of the event `number`, of its first tool for a `tools` event."""
        at = bisect_left(self.numbers, number)
        return number + (self.extra[at - 1] if at else 0)


class CallLinks:
    """Which tool call an output answers: the latest one before it with its id, or without an id the
    last one."""

    def __init__(self) -> None:
        self.by_id: dict[Any, list[tuple[Coordinate, Event]]] = {}
        self.all: list[tuple[Coordinate, Event]] = []

    def add(self, number: int, event: Event) -> None:
        """Note the calls of an event; events come in order."""
        kind = event_kind(event, number)
        if kind == "message":
            calls = tool_calls_of(event, f"$[{number}]")
            for part, call in enumerate(calls):
                self._add((number, part), call)
        elif kind == "call":
            self._add((number, -1), event)

    def _add(self, coordinate: Coordinate, call: Event) -> None:
        entry = (coordinate, call)
        self.all.append(entry)
        identifier = call.get("id")
        if isinstance(identifier, str):
            self.by_id.setdefault(identifier, []).append(entry)

    def find(self, number: int, output: Event) -> tuple[Coordinate, Event] | None:
        """The call that the output at event `number` answers."""
        identifier = output.get("tool_call_id")
        if identifier is None:
            calls = self.all
        elif isinstance(identifier, str):
            calls = self.by_id.get(identifier, [])
        else:
            return None
        at = bisect_right(calls, number - 1, key=lambda entry: entry[0][0])
        return calls[at - 1] if at else None


class History:
    """Objects of a trace by type and coordinate.

    `events` is the list of events, or, for a monitor that does not keep them all, a mapping from
    number to event of those that are still needed.
    """

    def __init__(
        self,
        events: Sequence[Event] | Mapping[int, Event],
        counts: ToolCounts | None = None,
        links: CallLinks | None = None,
    ) -> None:
        self.events = events
        self._counts = counts
        self._links = links
        self._objects: dict[str, list[tuple[Coordinate, Any, Place | None]]] = {}
        self._read: dict[str, int] = {}
        """How many events were looked through for the objects of each type."""
        self._sources: Sources | None = None

    @property
    def sources(self) -> Sources:
        """The texts that are not the agent's own: of each the number of its event and the event."""
        from policyc.runtime.taint import Sources  # noqa: PLC0415  # few policies ask

        if self._sources is None:
            self._sources = Sources()
        read = self._read.get("sources", 0)
        if read < len(self.events):
            for number, event in self.numbered(read):
                for domain in (ts.MESSAGE, ts.TOOL_OUTPUT):
                    for _, view, _ in self.objects_of(domain, number, event):
                        if event.get("role") != "assistant":
                            for text, _ in collect_texts(view):
                                self._sources.add((number, view), text)
            self._read["sources"] = len(self.events)
        return self._sources

    def grow(self, counts: ToolCounts | None, links: CallLinks | None) -> None:
        """The list of events has got longer; what was found in it stays."""
        self._counts = counts
        self._links = links

    # --- coordinates

    @property
    def counts(self) -> ToolCounts:
        if self._counts is None:
            self._counts = ToolCounts()
            for number, event in self.numbered():
                if not isinstance(event, dict) or "tools" not in event:
                    continue
                if event_kind(event, number) == "tools":
                    self._counts.add(number, len(tools_of(event, f"$[{number}]")))
        return self._counts

    @property
    def links(self) -> CallLinks:
        if self._links is None:
            self._links = CallLinks()
            for number, event in self.numbered():
                self._links.add(number, event)
        return self._links

    def numbered(self, start: int = 0) -> Iterator[tuple[int, Any]]:
        """The events from `start` on with their numbers: whatever the trace holds, which may be no
        event at all."""
        if isinstance(self.events, list):
            events = islice(self.events, start, None) if start else self.events
            return (x for x in enumerate(events, start) if x[1] is not UNREADABLE)
        return iter(self.events.items())  # type: ignore[union-attr]  # the other case of the union

    def call_of(self, output: ToolOutput) -> ToolCall | None:
        """The tool call that an output answers."""
        number = self.number(output)
        found = self.links.find(number, output.data)
        if found is None:
            return None
        (event, part), call = found
        return self._call(event, part, call)

    def number(self, view: TraceObject) -> int:
        """The number of the event of a view."""
        counts = self.counts
        if not counts.numbers:
            return view.index
        number, before = view.index, 0
        for at, extra in zip(counts.numbers, counts.extra, strict=True):
            tools = extra - before + 1
            if view.index >= counts.index(at) + min(tools, 1):
                number = max(view.index - extra, at)
            before = extra
        return number

    def order(self, view: TraceObject) -> Coordinate:
        """A key that orders events and calls as the trace does."""
        place = view.place
        return (view.index, place[2] if len(place) > 2 else -1)  # type: ignore[return-value]  # a number by construction

    def is_before(self, left: Any, right: Any, *, immediately: bool = False) -> bool:
        """`left -> right`, or `left ~> right`; False for anything that is no event or tool call."""
        kinds = Message | ToolCall | ToolOutput | Tool
        if not isinstance(left, kinds) or not isinstance(right, kinds):
            return False
        if immediately:
            return self.order(left) == self.predecessor(self.order(right))
        return self.order(left) < self.order(right)

    def predecessor(self, order: Coordinate) -> Coordinate | None:
        """The place in the order just before one."""
        index, part = order
        if part >= 0:
            return (index, part - 1)
        if index == 0:
            return None
        if self.counts.numbers:
            return (index - 1, self._last_part_by_index(index - 1))
        if not isinstance(self.events, list) and index - 1 not in self.events:
            # Whatever is asked about lies in the events that are there.
            return None
        return (index - 1, self._last_part(self.event(index - 1), index - 1))

    def event(self, number: int) -> Event:
        return self.events[number]

    def _last_part(self, event: Event, number: int) -> int:
        if event is UNREADABLE or event_kind(event, number) != "message":
            return -1
        return len(tool_calls_of(event, f"$[{number}]")) - 1

    def _last_part_by_index(self, index: int) -> int:
        found = -1
        for number, event in self.numbered():
            # A `tools` event without tools has the index of the event after it.
            if self.counts.index(number) == index:
                found = self._last_part(event, number)
        return found

    # --- objects

    def objects(self, domain: Type) -> list[tuple[Coordinate, Any, Place | None]]:
        """Every object of a type, in trace order: coordinate, value, place."""
        read = self._read.get(domain.name, 0)
        found = self._objects.setdefault(domain.name, [])
        if read < len(self.events):
            new = [
                entry
                for number, event in self.numbered(read)
                for entry in self.objects_of(domain, number, event)
            ]
            found += new
            self._read[domain.name] = len(self.events)
        return found

    def objects_of(
        self, domain: Type, number: int, event: Event
    ) -> list[tuple[Coordinate, Any, Place | None]]:
        """The objects of a type in one event."""
        kind = event_kind(event, number)
        index = self.counts.index(number)
        if domain.name == "str":
            return [
                ((number, part), text, place)
                for part, (text, place) in enumerate(self._texts(kind, number, event, index))
            ]
        views: list[TraceObject] = []
        if domain == ts.MESSAGE and kind == "message":
            return [((number, -1), Message(event, (index,), index), (index,))]
        if domain == ts.TOOL_OUTPUT and kind == "output":
            return [((number, -1), ToolOutput(event, (index,), index), (index,))]
        if domain in (ts.TOOL_CALL, ts.FUNCTION):
            found: list[tuple[Coordinate, Any, Place | None]] = []
            for part, call in self._calls(kind, number, event):
                call_parts(call, number, part)
                view = self._call_or_function(domain, number, part, call)
                found.append(((number, part), view, view.place))
            return found
        if domain in (ts.TEXT_CHUNK, ts.IMAGE) and kind in ("message", "output"):
            views = [x for x in self._chunks(event, index) if x.type == domain]
        elif domain in (ts.TOOL, ts.TOOL_PARAMETER) and kind == "tools":
            tools = [
                Tool(tool, (index + part,), index + part)
                for part, tool in enumerate(tools_of(event, f"$[{number}]"))
            ]
            views = (
                list(tools)
                if domain == ts.TOOL
                else [parameter for tool in tools for parameter in member(tool, "inputSchema")]
            )
        elif domain == ts.INPUT and number == 0:
            return [((0, -1), self.events, None)]
        return [((number, part), view, view.place) for part, view in enumerate(views)]

    def object_at(self, domain: Type, coordinate: Coordinate) -> tuple[Any, Place | None]:
        """The object of a type at a coordinate, and its place."""
        number, part = coordinate
        event = self.event(number)
        index = self.counts.index(number)
        if domain == ts.MESSAGE:
            return Message(event, (index,), index), (index,)
        if domain == ts.TOOL_OUTPUT:
            return ToolOutput(event, (index,), index), (index,)
        if domain in (ts.TOOL_CALL, ts.FUNCTION):
            # Nothing is checked here: what no rule looked at may be malformed.
            call = event if part < 0 else event["tool_calls"][part]
            view = self._call_or_function(domain, number, part, call)
            return view, view.place
        for found, value, place in self.objects_of(domain, number, event):
            if found == coordinate:
                return value, place
        raise LookupError(coordinate)

    def _call_or_function(
        self, domain: Type, number: int, part: int, call: Event
    ) -> ToolCall | Function:
        view = self._call(number, part, call)
        if domain == ts.TOOL_CALL:
            return view
        return Function(function_of(call), (*view.place, "function"), view.index)

    def _call(self, number: int, part: int, call: Event) -> ToolCall:
        index = self.counts.index(number)
        place: Place = (index,) if part < 0 else (index, "tool_calls", part)
        return ToolCall(call, place, index)

    def _calls(self, kind: str, number: int, event: Event) -> Iterator[tuple[int, Event]]:
        if kind == "message":
            yield from enumerate(tool_calls_of(event, f"$[{number}]"))
        elif kind == "call":
            yield -1, event

    def _chunks(self, event: Event, index: int) -> list[TraceObject]:
        content = event.get("content")
        if not isinstance(content, list):
            return []
        chunks = Chunks(content, (index, "content"), index)
        views = (chunk_view(chunks, number, chunk) for number, chunk in enumerate(content))
        return [view for view in views if isinstance(view, TraceObject)]

    def _texts(
        self, kind: str, number: int, event: Event, index: int
    ) -> Iterator[tuple[str, Place]]:
        """Contents (images by address), roles, ids, call types; not tool names and arguments."""
        if kind in ("message", "output"):
            view = Message(event, (index,), index)
            content = content_view(event, view)
            if isinstance(content, str):
                yield content, (index, "content")
            elif isinstance(content, Chunks):
                # In the order of the chunks: their places start with the number of the chunk.
                pairs = [*chunk_texts(content), *chunk_images(content)]
                yield from sorted(pairs, key=lambda pair: pair[1][2])
            role = event.get("role")
            if isinstance(role, str):
                yield role, (index, "role")
            identifier = event.get("tool_call_id")
            if kind == "output" and isinstance(identifier, str):
                yield identifier, (index, "tool_call_id")
        for part, call in self._calls(kind, number, event):
            place: Place = (index,) if part < 0 else (index, "tool_calls", part)
            for key in ("id", "type"):
                text = call.get(key)
                if isinstance(text, str):
                    yield text, (*place, key)
