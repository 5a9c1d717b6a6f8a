"""How many sandboxes may hold resources at once, across the processes of a user.

All who start or resume one hold the same lock from the look at what there is until the sandbox
runs, so two never see the same room. The lock ends with its process, however that ends.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from policyc.runtime.sandbox.failures import (
    InvalidRequest,
    LimitReached,
    SandboxAbsent,
    SandboxBusy,
    SandboxError,
)
from policyc.runtime.sandbox.lifecycle import HOLDING
from policyc.runtime.sandbox.provider import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from policyc.runtime.sandbox.events import EventStream
    from policyc.runtime.sandbox.provider import Provider, Record

MOST_NAMED: Final = 5
"""Sandboxes that a message names."""


class Capacity:
    """Room for sandboxes.

    Args:
        provider: pauses and resumes them.
        records: gives all of them, newest first.
        is_in_use: whether a command runs in one: such a one is not paused for another.
        events: is told what is paused and resumed.
        limit: how many may hold resources; None: any number.
        lock: the file of the lock.
        wait_seconds: how long others may hold it.
    """

    def __init__(
        self,
        provider: Provider,
        records: Callable[[], Sequence[Record]],
        is_in_use: Callable[[str], bool],
        events: EventStream,
        limit: int | None,
        lock: Path,
        wait_seconds: float,
    ) -> None:
        if limit is not None and limit < 0:
            raise InvalidRequest(f"the limit of sandboxes must be 0 or more, not {limit}")
        self._provider = provider
        self._records = records
        self._is_in_use = is_in_use
        self._events = events
        self._limit = limit
        self._path = lock
        self._wait_seconds = wait_seconds

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else starts or resumes a sandbox.

        Raises:
            SandboxBusy: others do, for too long.
        """
        lock = FileLock(
            self._path,
            timeout=self._wait_seconds,
            mode=0o600,
            preserve_lock_file=True,
            fallback_to_soft=False,
        )
        try:
            lock.acquire()
        except Timeout:
            raise SandboxBusy(
                "others have been starting sandboxes for more than "
                f"{self._wait_seconds:g} seconds (the lock is `{self._path}`): try again later"
            ) from None
        except OSError as error:
            raise SandboxError(
                f"the lock `{self._path}` cannot be used: {error.strerror}"
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def room(self, *, makes_room: bool = True) -> Iterator[None]:
        """There is room for one more as long as this lasts. Where what is done in it fails, those
        that were paused for it go on.

        Args:
            makes_room: others may be paused for it.

        Raises:
            LimitReached: there is none.
        """
        if self._limit is None:
            yield
            return
        if self._limit == 0:
            raise LimitReached("the limit of sandboxes is 0: none may run")
        with self.locked():
            paused: list[str] = []
            try:
                if makes_room:
                    self._pause(self._limit - 1, paused)
                else:
                    self._check(self._limit - 1)
                yield
            except BaseException:
                self._restore(paused)
                raise

    def pause_old(self, most: int) -> list[str]:
        """Pause the oldest until `most` hold resources; to be called while `locked`."""
        paused: list[str] = []
        self._pause(most, paused)
        return paused

    def _pause(self, most: int, paused: list[str]) -> None:
        """As `pause_old`; `paused` has what was, also where this fails."""
        holding = self._holding()
        excess = len(holding) - most
        failure: SandboxError | None = None
        for one in holding:
            if excess <= 0:
                return
            # Those that start, or failed, cannot be paused: the next one has to make room. A
            # command that is paused would be one that takes too long.
            if one.status is not Status.RUNNING or self._is_in_use(one.id):
                continue
            try:
                self._provider.pause(one.id)
            except SandboxAbsent:
                excess -= 1
            except SandboxError as error:
                failure = error
            else:
                excess -= 1
                paused.append(one.id)
                self._events.note(one.id, Status.PAUSED, "to make room")
        if excess > 0:
            raise self._reached(most, failure) from failure

    def _check(self, most: int) -> None:
        if len(self._holding()) > most:
            raise self._reached(most, None)

    def _holding(self) -> list[Record]:
        """Those that hold resources, oldest first."""
        return [one for one in reversed(self._records()) if one.status in HOLDING]

    def _restore(self, paused: Sequence[str]) -> None:
        for sandbox in paused:
            with suppress(SandboxError):
                self._provider.resume(sandbox)
                self._events.note(sandbox, Status.RUNNING)

    def _reached(self, most: int, failure: SandboxError | None) -> LimitReached:
        left = self._holding()
        names = ", ".join(f"`{one.id}` ({one.status})" for one in left[:MOST_NAMED])
        more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        why = f": {failure}" if failure else ""
        return LimitReached(
            f"{len(left)} sandboxes hold resources where {most} may, and no other can be paused"
            f"{why}; delete one of {names}{more}"
        )
