"""What happens to sandboxes, told to whoever subscribes.

Telling never waits: a subscriber that does not read loses the oldest events, and sees how many.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from policyc.runtime.sandbox.provider import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST: Final = 1000
"""Events that are kept for a subscriber."""


class Happening(StrEnum):
    """What can happen to a sandbox."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    FAILED = "failed"
    REMOVED = "removed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """Something happened to a sandbox. `reason` is for people, and may be empty."""

    sandbox: str
    happening: Happening
    time: datetime
    reason: str = ""


class Subscription:
    """Events from now on; any number of threads may read, each event goes to one of them. A context
    manager, and an iterator that ends when it is closed."""

    def __init__(self, stream: EventStream, most: int) -> None:
        self._stream = stream
        self._events: deque[LifecycleEvent] = deque(maxlen=most)
        self._changed = threading.Condition()
        self._is_open = True
        self.missed = 0
        """Events that were dropped, as nobody read."""

    def next(self, timeout: float | None = None) -> LifecycleEvent | None:
        """The next event; None when the subscription is closed and all are read.

        Raises:
            TimeoutError: nothing happened for `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._events:
                if not self._is_open:
                    return None
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"nothing happened to a sandbox for {timeout:g} seconds")
                self._changed.wait(left)
            return self._events.popleft()

    def __iter__(self) -> Iterator[LifecycleEvent]:
        while (event := self.next()) is not None:
            yield event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """No more events; again is no error."""
        self._stream.forget(self)
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def add(self, event: LifecycleEvent) -> None:
        """Tell of an event; only the stream does."""
        with self._changed:
            if not self._is_open:
                return
            self.missed += len(self._events) == self._events.maxlen
            self._events.append(event)
            self._changed.notify()


class EventStream:
    """Turns the states that sandboxes are seen in into events: a change is told once, whether we
    made it or saw it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._known: dict[str, Status] = {}
        self._has_looked = False

    def subscribe(self, most: int = MOST) -> Subscription:
        """Be told of what happens from now on, with room for `most` events that are not read."""
        subscription = Subscription(self, most)
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Tell a subscriber nothing more."""
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def note(self, sandbox: str, status: Status, reason: str = "") -> None:
        """A sandbox was brought into a state."""
        with self._lock:
            self._note(sandbox, status, reason, Happening.REMOVED)

    def observe(self, seen: Mapping[str, Status]) -> None:
        """These are all sandboxes that there are, as they are. What was there and is not any more
        is lost; the first look only says what there is."""
        with self._lock:
            if not self._has_looked:
                self._has_looked = True
                self._known = {**seen, **self._known}
                return
            for sandbox, status in seen.items():
                self._note(sandbox, status, "", Happening.LOST)
            for sandbox in self._known.keys() - seen.keys():
                self._note(sandbox, Status.MISSING, "it is not there any more", Happening.LOST)

    def _note(self, sandbox: str, status: Status, reason: str, gone: Happening) -> None:
        before = self._known.get(sandbox, Status.MISSING)
        if status is Status.MISSING:
            self._known.pop(sandbox, None)
        else:
            self._known[sandbox] = status
        happening = _happening(before, status, gone)
        if happening is None:
            return
        event = LifecycleEvent(sandbox, happening, datetime.now(UTC), reason)
        for subscription in self._subscriptions:
            subscription.add(event)


def _happening(before: Status, after: Status, gone: Happening) -> Happening | None:
    """What a change of state is called; None where there is none, or not yet."""
    if before is after or after is Status.STARTING:
        return None
    if after is Status.RUNNING:
        return Happening.RESUMED if before is Status.PAUSED else Happening.STARTED
    if after is Status.PAUSED:
        return Happening.PAUSED
    return Happening.FAILED if after is Status.ERROR else gone
