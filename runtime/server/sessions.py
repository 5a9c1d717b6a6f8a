"""What the server keeps between requests: sessions with their policies and monitors, in memory.

One that is not used for long ends. Nothing is written to disk.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.server.jobs import Sources


Kind = Literal["Policy", "Monitor"]

RECORD_BYTES: Final = 1000
"""What a policy or monitor costs besides its text."""


class Full(Exception):
    """There are as many sessions as there may be, or they keep as much as they may."""


@dataclass(slots=True)
class Record:
    """A policy or a monitor of a session."""

    id: int
    rule: str
    name: str

    @property
    def size(self) -> int:
        """What it costs to keep, about."""
        return RECORD_BYTES + len(self.rule) + len(self.name)


@dataclass(slots=True)
class Session:
    """A session of the Invariant API. Policies and monitors are numbered from 1, each for
    themselves."""

    id: str
    policies: dict[int, Record] = field(default_factory=dict)
    monitors: dict[int, Record] = field(default_factory=dict)

    def of_kind(self, kind: Kind) -> dict[int, Record]:
        """The records of a kind by their numbers."""
        return self.policies if kind == "Policy" else self.monitors

    def record(self, kind: Kind, rule: str, name: str | None) -> Record:
        """A record that is to be added; its number is one more than the highest."""
        number = max(self.of_kind(kind), default=0) + 1
        return Record(number, rule, f"{kind} #{number}" if name is None else name)


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
        self,
        most: int,
        idle_seconds: float,
        most_bytes: int,
        on_end: Callable[[str], None] | None = None,
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._sizes: dict[str, int] = {}
        self._bytes = 0
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

    def add(self, session: Kept, size: int = 0) -> None:
        """Keep a session, and so many bytes for it.

        Raises:
            Full: there are too many, or they would keep too much.
        """
        self.sweep()
        if len(self._kept) >= self._most:
            raise Full
        self.grow(session.id, size)
        self._kept[session.id] = (session, time.monotonic())

    def grow(self, session_id: str, size: int) -> None:
        """Count what a session keeps from now on, in bytes as they were sent.

        Raises:
            Full: all sessions together would keep too much.
        """
        if self._bytes + size > self._most_bytes:
            self.sweep()
            if self._bytes + size > self._most_bytes:
                raise Full
        self._bytes += size
        self._sizes[session_id] = self._sizes.get(session_id, 0) + size

    def shrink(self, session_id: str, size: int) -> None:
        """Count what a session no longer keeps; one that has ended keeps nothing."""
        if session_id in self._sizes:
            self._bytes -= size
            self._sizes[session_id] -= size

    def remove(self, session_id: str) -> bool:
        """End a session; whether there was one."""
        if self._kept.pop(session_id, None) is None:
            return False
        self._bytes -= self._sizes.pop(session_id, 0)
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
