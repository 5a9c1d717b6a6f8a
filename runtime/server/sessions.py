"""What the server keeps between requests: sessions with their policies and monitors, in memory.

The ones that were not used for longest go first. Nothing is written to disk.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.server.jobs import Sources


class Full(Exception):
    """There are as many sessions as there may be, and all are in use."""


@dataclass(slots=True)
class Record:
    """A policy or a monitor of a session."""

    id: int
    rule: str
    name: str


@dataclass(slots=True)
class Session:
    """A session of the Invariant API. Policies and monitors are numbered from 1, each for
    themselves."""

    id: str
    policies: dict[int, Record] = field(default_factory=dict)
    monitors: dict[int, Record] = field(default_factory=dict)

    def add(self, records: dict[int, Record], kind: str, rule: str, name: str | None) -> Record:
        """A new record, whose number is one more than the highest."""
        number = max(records, default=0) + 1
        record = Record(number, rule, f"{kind} #{number}" if name is None else name)
        records[number] = record
        return record


@dataclass(slots=True)
class Stream:
    """A session of our own API: a policy, its parameters, and the events so far."""

    id: str
    policy: str | None
    sources: Sources
    parameters: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while events are judged: their order is that of the requests."""


Kept = TypeVar("Kept", Session, Stream)


class Sessions(Generic[Kept]):
    """Sessions by their id. `on_end` gets the id of each that goes."""

    def __init__(
        self, most: int, idle_seconds: float, on_end: Callable[[str], None] | None = None
    ) -> None:
        self._most = most
        self._idle = idle_seconds
        self._on_end = on_end or (lambda _id: None)
        self._kept: OrderedDict[str, tuple[Kept, float]] = OrderedDict()

    def __len__(self) -> int:
        self.sweep()
        return len(self._kept)

    def get(self, session_id: str) -> Kept | None:
        """A session, which is in use now."""
        found = self._kept.get(session_id)
        if found is None or self._is_over(found[1]):
            return None
        self._kept[session_id] = (found[0], time.monotonic())
        self._kept.move_to_end(session_id)
        return found[0]

    def add(self, session: Kept) -> None:
        """Keep a session.

        Raises:
            Full: there are too many.
        """
        self.sweep()
        if len(self._kept) >= self._most:
            raise Full
        self._kept[session.id] = (session, time.monotonic())

    def remove(self, session_id: str) -> bool:
        """End a session; whether there was one."""
        if self._kept.pop(session_id, None) is None:
            return False
        self._on_end(session_id)
        return True

    def sweep(self) -> None:
        """End the sessions that were not used for long."""
        while self._kept:
            session_id, (_, used) = next(iter(self._kept.items()))
            if not self._is_over(used):
                return
            self.remove(session_id)

    def _is_over(self, used: float) -> bool:
        return time.monotonic() - used > self._idle


def chosen_id(wanted: str | None) -> str:
    """The id that a session gets: the one that is wanted, if it is a UUID of version 4 in its
    ordinary spelling, else a new one."""
    if wanted is not None:
        try:
            if str(uuid.UUID(wanted, version=4)) == wanted:
                return wanted
        except ValueError:
            pass
    return str(uuid.uuid4())
