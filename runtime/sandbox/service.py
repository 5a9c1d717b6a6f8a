"""The sandboxes of a user, whichever process started them: looked for, started within a limit,
paused, resumed, deleted.

Nothing is remembered here that another process would have to know. The provider says what there is;
the notes in the state folder say what it cannot; the limit is looked at and acted upon under a lock
of the user.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.capacity import Capacity
from policyc.runtime.sandbox.events import EventStream
from policyc.runtime.sandbox.failures import (
    InvalidRequest,
    InvalidSpec,
    SandboxAbsent,
    SandboxError,
)
from policyc.runtime.sandbox.health import SECONDS as HEALTH_SECONDS
from policyc.runtime.sandbox.health import well
from policyc.runtime.sandbox.ids import is_id, new_id, new_key, prefix
from policyc.runtime.sandbox.info import SandboxInfo, SandboxPage, page_of
from policyc.runtime.sandbox.lifecycle import check_step
from policyc.runtime.sandbox.notes import Notes
from policyc.runtime.sandbox.owners import Owner
from policyc.runtime.sandbox.provider import Creation, Status
from policyc.runtime.sandbox.reaper import Reaped, sweep
from policyc.runtime.sandbox.secret_files import write_secrets
from policyc.runtime.sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from policyc.runtime.sandbox.events import Subscription
    from policyc.runtime.sandbox.health import Check
    from policyc.runtime.sandbox.notes import ExposedUrl
    from policyc.runtime.sandbox.provider import Provider, Record

LIMIT: Final = 5
"""Sandboxes of a user that hold resources at once, unless the variable says otherwise."""
LIMIT_VARIABLE: Final = "POLICYC_SANDBOX_LIMIT"

MOST_IN_BATCH: Final = 100

START_SECONDS: Final = 120.0
"""For which a sandbox that is not well yet counts as starting."""

WAIT_SECONDS: Final = 120.0
"""To wait for others that start sandboxes."""

SESSION_KEY: Final = "session-key"
"""The secret that has the key of the session."""


def limit_of_user() -> int:
    """The limit for sandboxes of this user.

    Raises:
        InvalidRequest: the variable has no number.
    """
    given = os.environ.get(LIMIT_VARIABLE, str(LIMIT))
    if not given.isdecimal():
        raise InvalidRequest(f"{LIMIT_VARIABLE} is `{given}`: it must be a number")
    return int(given)


class SandboxService:
    """The sandboxes of a user at one provider; any number of threads and processes use them.

    Args:
        provider: what runs them.
        limit: how many may hold resources at once, whoever started them (None: any number). To
            start or resume one more pauses the oldest that is not in use.
        health: says whether a sandbox is well; by default one that runs is.
        start_seconds: how long one that is not well counts as starting, not as failed.
        health_seconds: that a check of health may take.
        wait_seconds: how long others may keep the limit to themselves.
        begin: what ids begin with.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        limit: int | None = LIMIT,
        health: Check | None = None,
        start_seconds: float = START_SECONDS,
        health_seconds: float = HEALTH_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
        begin: str | None = None,
    ) -> None:
        self._provider = provider
        self._health = health
        self._start_seconds = start_seconds
        self._health_seconds = health_seconds
        self._prefix = prefix() if begin is None else begin
        self._notes = Notes(f"{provider.scope} {self._prefix}")
        self._events = EventStream()
        self._capacity = Capacity(
            provider,
            self._records,
            self._notes.is_in_use,
            self._events,
            limit,
            self._notes.lock,
            wait_seconds,
        )

    @cached_property
    def can_pause(self) -> bool:
        """Whether the provider can pause sandboxes."""
        return self._provider.probe().can_pause

    # --- what there is ---------------------------------------------------------------------------

    def search(self, page_id: str | None = None, limit: int = 100) -> SandboxPage:
        """All sandboxes, newest first, a page at a time.

        Args:
            page_id: `next_page_id` of the page before.
            limit: of a page, 1 to 100.

        Raises:
            InvalidRequest: there is no such page.
            SandboxError: the provider failed. Never an empty page.
        """
        page, next_page_id = page_of(self._records, page_id, limit)
        return SandboxPage(tuple(self._infos(page)), next_page_id)

    def get(self, sandbox: str) -> SandboxInfo | None:
        """One of them; None where it is not there."""
        record = self._find(sandbox)
        return None if record is None else self._infos([record])[0]

    def batch_get(self, sandboxes: Sequence[str]) -> list[SandboxInfo | None]:
        """Several of them, None for each that is not there.

        Raises:
            InvalidRequest: there are more than 100.
        """
        if len(sandboxes) > MOST_IN_BATCH:
            raise InvalidRequest(
                f"{len(sandboxes)} sandboxes are too many at once: ask for {MOST_IN_BATCH} or less"
            )
        wanted = {one for one in sandboxes if is_id(one, self._prefix)}
        if not wanted:
            return [None for _ in sandboxes]
        infos = self._infos([one for one in self._records() if one.id in wanted])
        found = {one.id: one for one in infos}
        return [found.get(one) for one in sandboxes]

    def subscribe(self) -> Subscription:
        """Be told what happens to sandboxes: what is done by this service at once, what others do
        when this service looks next."""
        return self._events.subscribe()

    # --- what is done ----------------------------------------------------------------------------

    def start(
        self,
        spec: SandboxSpec,
        *,
        policy: str = "",
        egress: Path | None = None,
        keep: bool = False,
        makes_room: bool = True,
    ) -> SandboxInfo:
        """Make a sandbox, and let it run.

        Args:
            policy: the digest of the policy that it is gated by.
            egress: the folder with the socket of the proxy.
            keep: it outlives this process.
            makes_room: others are paused for it, the oldest first.

        Raises:
            InvalidSpec, ImageAbsent: the specification cannot be carried out; nothing is paused.
            LimitReached: there is no room, and none can be made.
            SandboxError: it could not be made. Nothing is left of it, and what was paused for it
                runs again.
        """
        if not isinstance(spec, SandboxSpec):
            raise InvalidSpec(f"a sandbox is made by a specification, not by {type(spec).__name__}")
        if SESSION_KEY in spec.secrets:
            raise InvalidSpec(f"the secret `{SESSION_KEY}` is made for each sandbox")
        self._provider.check(spec)
        key = new_key()
        full = replace(spec, secrets={**spec.secrets, SESSION_KEY: key})
        creation = Creation(new_id(self._prefix), full, str(Owner.current()), policy, egress)
        with self._capacity.room(makes_room=makes_room):
            record = self._provider.create(creation)
            try:
                write_secrets(self._provider, record.id, full.secrets)
                self._notes.begin(record.id, key, keeps=keep)
            except BaseException:
                self._provider.remove(record.id)
                self._notes.forget(record.id)
                raise
        self._events.note(record.id, Status.RUNNING)
        return self._infos([record])[0]

    def resume(self, sandbox: str) -> SandboxInfo:
        """Let a paused sandbox go on, which may pause others; one that runs is left alone.

        Raises:
            SandboxAbsent: it is not there; nothing is paused.
            WrongState: it is neither paused nor running; nothing is paused.
            LimitReached: there is no room, and none can be made.
        """
        if (record := self._present(sandbox)).status is not Status.RUNNING:
            check_step(sandbox, record.status, Status.RUNNING)
            with self._capacity.room():
                if self._present(sandbox).status is not Status.RUNNING:
                    self._provider.resume(sandbox)
            self._notes.touch(sandbox)
            self._events.note(sandbox, Status.RUNNING)
        return self._infos([self._present(sandbox)])[0]

    def pause(self, sandbox: str) -> SandboxInfo:
        """Stop a sandbox in place; one that is paused is left alone.

        Raises:
            SandboxAbsent: it is not there.
            WrongState: it cannot be paused now.
        """
        if (record := self._present(sandbox)).status is not Status.PAUSED:
            check_step(sandbox, record.status, Status.PAUSED)
            self._provider.pause(sandbox)
            self._events.note(sandbox, Status.PAUSED)
        return self._infos([self._present(sandbox)])[0]

    def delete(self, sandbox: str) -> bool:
        """End a sandbox and delete all that it has; whether there was one.

        Raises:
            SandboxError: it could not be ended. It is still told of.
        """
        if self._find(sandbox) is None:
            return False
        self._provider.remove(sandbox)
        self._notes.forget(sandbox)
        self._events.note(sandbox, Status.MISSING)
        return True

    def pause_old(self, most: int) -> list[str]:
        """Pause the oldest until no more than `most` hold resources; those that were paused, oldest
        first. One that cannot be paused is left out, and the next one taken.

        Raises:
            InvalidRequest: `most` is below 0.
            LimitReached: more are left, as they cannot be paused.
        """
        if most < 0:
            raise InvalidRequest(
                f"the number of sandboxes to be left must be 0 or more, not {most}"
            )
        with self._capacity.locked():
            return self._capacity.pause_old(most)

    def sweep(self) -> list[Reaped]:
        """Remove the sandboxes that are nobody's any more, or whose time is up; see `reaper`."""
        reaped = sweep(self._provider, self._notes, self._records)
        for one in reaped:
            self._events.note(one.sandbox, Status.MISSING, one.reason)
        return reaped

    # --- notes -----------------------------------------------------------------------------------

    def use(self, sandbox: str) -> AbstractContextManager[None]:
        """While this lasts the sandbox is not idle, and not paused to make room."""
        return self._notes.use(sandbox)

    def keep(self, sandbox: str, *, is_kept: bool = True) -> None:
        """Let a sandbox outlive its owner, or no more."""
        self._present(sandbox)
        if is_kept:
            self._notes.keep(sandbox)
        else:
            self._notes.keep_no_more(sandbox)

    def expose(self, sandbox: str, urls: Sequence[ExposedUrl]) -> None:
        """Tell where this process serves ports of a sandbox."""
        self._present(sandbox)
        self._notes.expose(sandbox, urls)

    # --- for asyncio -----------------------------------------------------------------------------

    async def a_search(self, page_id: str | None = None, limit: int = 100) -> SandboxPage:
        """As `search`."""
        return await asyncio.to_thread(self.search, page_id, limit)

    async def a_get(self, sandbox: str) -> SandboxInfo | None:
        """As `get`."""
        return await asyncio.to_thread(self.get, sandbox)

    async def a_start(self, spec: SandboxSpec, *, policy: str = "") -> SandboxInfo:
        """As `start`. When the task is cancelled, the sandbox is deleted before that is told."""
        started = asyncio.create_task(asyncio.to_thread(self.start, spec, policy=policy))
        try:
            return await asyncio.shield(started)
        except asyncio.CancelledError:
            with suppress(SandboxError):
                await asyncio.to_thread(self.delete, (await started).id)
            raise

    async def a_resume(self, sandbox: str) -> SandboxInfo:
        """As `resume`."""
        return await asyncio.to_thread(self.resume, sandbox)

    async def a_pause(self, sandbox: str) -> SandboxInfo:
        """As `pause`."""
        return await asyncio.to_thread(self.pause, sandbox)

    async def a_delete(self, sandbox: str) -> bool:
        """As `delete`."""
        return await asyncio.to_thread(self.delete, sandbox)

    # --- parts -----------------------------------------------------------------------------------

    def _records(self) -> list[Record]:
        """All of them, newest first."""
        found = [one for one in self._provider.records() if is_id(one.id, self._prefix)]
        self._events.observe({one.id: one.status for one in found})
        return sorted(found, key=lambda one: (one.created, one.id), reverse=True)

    def _find(self, sandbox: str) -> Record | None:
        """One of them; of what is no id the provider is not asked."""
        return self._provider.record(sandbox) if is_id(sandbox, self._prefix) else None

    def _present(self, sandbox: str) -> Record:
        record = self._find(sandbox)
        if record is None:
            raise SandboxAbsent(
                f"there is no sandbox `{sandbox}`: `policyc sandbox list` shows those there are"
            )
        return record

    def _infos(self, records: Sequence[Record]) -> list[SandboxInfo]:
        """What is told of some sandboxes, with their health."""
        urls = {one.id: self._notes.exposed(one.id) for one in records}
        running = {one.id for one in records if one.status is Status.RUNNING}
        healthy = frozenset(running)
        if self._health is not None:
            asked = {one: urls[one] for one in sorted(running)}
            healthy = well(self._health, asked, self._health_seconds)
        return [
            SandboxInfo.of(
                one,
                self._status(one, healthy),
                urls[one.id],
                key=self._notes.key(one.id),
                is_kept=self._notes.is_kept(one.id),
                used=self._notes.used(one.id),
            )
            for one in records
        ]

    def _status(self, record: Record, healthy: frozenset[str]) -> Status:
        """The state that a sandbox is told to be in: one that starts for too long has failed, one
        that runs and is not well may still be starting."""
        begins = datetime.now(UTC) < record.created + timedelta(seconds=self._start_seconds)
        if record.status is Status.STARTING:
            return Status.STARTING if begins else Status.ERROR
        if record.status is not Status.RUNNING or record.id in healthy:
            return record.status
        return Status.STARTING if begins else Status.ERROR
