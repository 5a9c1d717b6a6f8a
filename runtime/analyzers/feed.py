"""What an analyzer is told: events in any form become events of its trace, when they happened.

An action of OpenHands that can be run is in doubt until its observation comes: then it ran. One
that waits for a person, or that a person rejected, never happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from policyc.runtime.adapters import openhands, openhands_sdk
from policyc.runtime.analyzers.risk import AnalyzerError
from policyc.runtime.trace_access import TraceError, name_of_type
from policyc.runtime.trace_check import check_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyc.runtime.analyzers.ledger import Ledger

Event = dict[str, Any]

RUNNABLE: Final = frozenset(
    {
        "run",
        "run_ipython",
        "read",
        "write",
        "edit",
        "browse",
        "browse_interactive",
        "call_tool_mcp",
        "task_tracking",
    }
)
"""Actions of OpenHands that an observation answers."""

_UNCONFIRMED: Final = ("awaiting_confirmation", "rejected")


class EventStream(Protocol):
    """Where the events of a conversation are, in order, each with an `id` of its own."""

    def search_events(self, start_id: int = 0) -> Iterable[Any]:
        """The events from that id on."""
        ...


class Feed:
    """Reads actions and events for one analyzer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._conversion = openhands.Conversion(guesses=False)
        self._running: dict[int | None, int] = {}
        self._stream: EventStream | None = None
        self._to_dict: Callable[[Any], Any] = lambda event: event
        self._next = 0

    @property
    def has_stream(self) -> bool:
        """Whether a stream of events says what happened."""
        return self._stream is not None

    def read(self, item: Any) -> list[Event]:
        """The events of an action: one event or a list, of policyc, OpenHands or its SDK.

        Raises:
            TraceError: it is none of these.
        """
        if isinstance(item, list):
            return [event for each in item for event in self.read(each)]
        if not isinstance(item, dict):
            raise TraceError("$", f"an action must be an object, this is {name_of_type(item)}")
        if openhands_sdk.is_event(item):
            events = openhands_sdk.events_of(item)
        elif openhands.is_event(item):
            events = self._conversion.add(item)
        else:
            events = [item]
        check_trace(events)
        return events

    def observe(self, item: Any) -> None:
        """Note what happened.

        Raises:
            TraceError: it is no event.
        """
        if not openhands.is_event(item):
            self._ledger.happened(self.read(item))
        elif item.get("action") is not None:
            self._begun(item)
        elif (ticket := self._running.pop(_id(item, "cause"), None)) is not None:
            self._ended(item, ticket)
        elif item["observation"] != "user_rejected":
            self._ledger.happened(self.read(item))

    def _begun(self, item: Event) -> None:
        is_runnable = item["action"] in RUNNABLE
        if is_runnable and item["args"].get("confirmation_state") in _UNCONFIRMED:
            return
        events = self.read(item)
        own = _id(item, "id")
        if is_runnable and own is not None:
            self._running[own], _ = self._ledger.open(events)
        else:
            # Nothing will refer to it: it is told because it happened.
            self._ledger.happened(events)

    def _ended(self, item: Event, ticket: int) -> None:
        if item["observation"] == "user_rejected":
            self._ledger.abort(ticket)
            return
        self._ledger.commit(ticket)
        self._ledger.happened(self.read(item))

    def follow(self, stream: EventStream, to_dict: Callable[[Any], Any] | None) -> None:
        """Take from now on what happens from a stream."""
        if self._stream is not None and self._stream is not stream:
            raise AnalyzerError("the analyzer follows another stream of events already")
        self._stream = stream
        self._to_dict = to_dict or self._to_dict

    def catch_up(self) -> None:
        """Read what the stream has that was not read before.

        Raises:
            AnalyzerError: an event has no usable `id`.
            TraceError: an event is malformed.
        """
        if self._stream is None:
            return
        for each in self._stream.search_events(start_id=self._next):
            item = self._to_dict(each)
            identifier = _id(item, "id") if isinstance(item, dict) else None
            if identifier is None:
                raise AnalyzerError("the stream has an event without a number as its `id`")
            self.observe(item)
            self._next = identifier + 1


def _id(item: Event, key: str) -> int | None:
    """The number of an event, or of the one that it refers to."""
    value = item.get(key)
    return value if type(value) is int else None
