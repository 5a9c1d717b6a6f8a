"""Removing the sandboxes that are nobody's any more, and those whose time is up.

A sandbox goes when its deadline is past; when its owner is dead and it is not kept; or when nobody
has used it for as long as its specification allows. One that is used is not idle, and whatever
cannot be judged, such as an owner on another machine, lives until its deadline. Any number of
sweeps may run at once: to remove what is gone is no error.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.info import spec_of
from policyc.runtime.sandbox.owners import is_dead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyc.runtime.sandbox.notes import Notes
    from policyc.runtime.sandbox.provider import Provider, Record

EVERY_SECONDS: Final = 30.0
"""Between two sweeps in the background."""


@dataclass(frozen=True, slots=True)
class Reaped:
    """A sandbox that was removed, and why."""

    sandbox: str
    reason: str


def sweep(
    provider: Provider,
    notes: Notes,
    records: Callable[[], Sequence[Record]],
    now: datetime | None = None,
) -> list[Reaped]:
    """Remove what is to go, and the notes on what is gone. One that cannot be removed is left for
    the next sweep.

    Args:
        records: gives all sandboxes.

    Raises:
        SandboxError: it is not known what there is, or something could not be removed; all others
            have been.
    """
    moment = datetime.now(UTC) if now is None else now
    # In this order: what is noted now and not there afterwards is gone, not about to come.
    noted = notes.noted()
    found = records()
    there = {one.id for one in found}
    for sandbox in noted:
        if sandbox not in there:
            notes.forget(sandbox)
    reaped = []
    failures = []
    for one in found:
        reason = why_to_go(one, notes, moment)
        if not reason:
            continue
        try:
            provider.remove(one.id)
        except SandboxError as error:
            failures.append(f"`{one.id}`: {error}")
            continue
        notes.forget(one.id)
        reaped.append(Reaped(one.id, reason))
    if failures:
        raise SandboxError(f"{len(failures)} sandboxes could not be removed: {'; '.join(failures)}")
    return reaped


def why_to_go(record: Record, notes: Notes, now: datetime) -> str:
    """Why a sandbox has to go; empty where it has not."""
    if now >= record.deadline:
        return "its deadline is past"
    # Whether it is kept is asked for after the owner: who keeps it notes that while alive.
    if is_dead(record.owner) and not notes.is_kept(record.id):
        return "the process that owned it is gone"
    allowed = spec_of(record).get("resources", {}).get("idle")
    if allowed is None:
        return ""
    used = max(record.created, notes.used(record.id) or record.created)
    if now < used + timedelta(seconds=allowed) or notes.is_in_use(record.id):
        return ""
    return f"nobody used it for {allowed:g} seconds"


class Sweeper:
    """Sweeps in the background until it is left; a context manager. A sweep that fails is followed
    by the next.

    Args:
        sweep: sweeps once.
        seconds: between two sweeps.
    """

    def __init__(self, sweep: Callable[[], object], *, seconds: float = EVERY_SECONDS) -> None:
        self._sweep = sweep
        self._seconds = seconds
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sandbox-sweeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.set()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with suppress(SandboxError):
                self._sweep()
            if self._ends.wait(self._seconds):
                return
