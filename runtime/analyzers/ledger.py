"""The trace of an analyzer: what happened, and what may be happening.

An action is proposed, decided, and then committed when it ran or aborted when it did not. Only
what ran stays. Until then a proposal counts as past for others, unless it was denied: two actions
that are asked about at the same time know of each other.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Any

from policyc.runtime.analyzers.risk import AnalyzerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.runtime.analyzers.risk import Decision

Event = dict[str, Any]


class Ledger:
    """Events that happened, and open proposals; any number of threads may use one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._open: dict[int, Sequence[Event]] = {}
        self._denied: dict[int, Sequence[Event]] = {}
        self._tickets = count(1)

    def happened(self, events: Sequence[Event]) -> None:
        """Note what happened without being asked about: messages, outputs."""
        with self._lock:
            self._events.extend(events)

    def events(self) -> list[Event]:
        """What happened, in order."""
        with self._lock:
            return list(self._events)

    def open(self, events: Sequence[Event]) -> tuple[int, list[Event]]:
        """Open a proposal: its ticket, and the past that it is judged by."""
        with self._lock:
            others = [event for each in self._open.values() for event in each]
            ticket = next(self._tickets)
            self._open[ticket] = events
            return ticket, [*self._events, *others]

    def deny(self, ticket: int) -> None:
        """What was proposed is not expected to run: it counts no more, unless it is committed."""
        with self._lock:
            self._denied[ticket] = self._taken(ticket)

    def commit(self, ticket: int) -> None:
        """What was proposed ran."""
        with self._lock:
            self._events.extend(self._taken(ticket))

    def abort(self, ticket: int) -> None:
        """What was proposed does not run."""
        with self._lock:
            self._taken(ticket)

    def _taken(self, ticket: int) -> Sequence[Event]:
        found = self._open.pop(ticket, None)
        if found is None:
            found = self._denied.pop(ticket, None)
        if found is None:
            raise AnalyzerError("this proposal is settled already: it was committed or aborted")
        return found


class Proposal:
    """An action that was decided about. Whoever proposed it says what became of it."""

    def __init__(self, ledger: Ledger, ticket: int, decision: Decision) -> None:
        self._ledger = ledger
        self._ticket = ticket
        self.decision = decision
        """What was decided."""

    def commit(self) -> None:
        """The action ran: it belongs to the trace.

        Also a denied one may be committed, where somebody ran it all the same.

        Raises:
            AnalyzerError: it was committed or aborted before.
        """
        self._ledger.commit(self._ticket)

    def abort(self) -> None:
        """The action did not run: nothing of it stays.

        Raises:
            AnalyzerError: it was committed or aborted before.
        """
        self._ledger.abort(self._ticket)
