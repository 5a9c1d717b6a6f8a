"""Sandboxes made beforehand: paused until they are claimed, each claimed once.

A claimed sandbox was made by the same specification as one that is started, and nothing ran in it
since, so nothing of an earlier run can be seen in it. Secrets are written when it is claimed.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from policyc.runtime.sandbox.failures import (
    InvalidRequest,
    LimitReached,
    SandboxError,
    WrongState,
)
from policyc.runtime.sandbox.provider import Status

if TYPE_CHECKING:
    from policyc.runtime.sandbox.info import SandboxInfo
    from policyc.runtime.sandbox.service import SandboxService
    from policyc.runtime.sandbox.spec import SandboxSpec

RETRY_SECONDS: Final = 1.0
"""Until it is tried again to make one, where there was no room or it failed."""


class WarmPool:
    """Some paused sandboxes of one specification. A context manager: those that were not claimed
    are deleted with it, and also by a sweep if this process is killed.

    To fill it pauses nobody's sandbox: where the limit leaves no room, it stays smaller.

    Args:
        service: makes and pauses them.
        spec: what they are made by.
        size: how many are kept ready.
        policy: the digest of the policy that they are gated by.
    """

    def __init__(
        self, service: SandboxService, spec: SandboxSpec, *, size: int = 2, policy: str = ""
    ) -> None:
        if size < 1:
            raise InvalidRequest(f"a pool has at least one sandbox, not {size}")
        if not service.can_pause:
            raise WrongState(
                "there is no pool of sandboxes where they cannot be paused: start each when needed"
            )
        self._service = service
        self._spec = spec
        self._size = size
        self._policy = policy
        self._ready: list[str] = []
        self._changed = threading.Condition()
        self._is_open = True
        self._thread = threading.Thread(target=self._fill, name="sandbox-pool", daemon=True)
        self._thread.start()

    def claim(self) -> SandboxInfo:
        """A running sandbox that nobody used: one of the pool, or else a new one.

        Raises:
            LimitReached: there is no room for it.
            SandboxError: none could be made.
        """
        while (sandbox := self._take()) is not None:
            found = self._service.get(sandbox)
            # One that somebody resumed may have been used.
            if found is not None and found.status is Status.PAUSED:
                try:
                    return self._service.resume(sandbox)
                except LimitReached:
                    self._give_back(sandbox)
                    raise
                except SandboxError:
                    pass
            self._discard(sandbox)
        return self._service.start(self._spec, policy=self._policy)

    @property
    def ready(self) -> int:
        """How many can be claimed at once."""
        return len(self._ready)

    def wait_until_full(self, timeout: float) -> bool:
        """Wait until all are ready; whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._ready) >= self._size, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete those that were not claimed; again is no error."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        self._thread.join()
        while (sandbox := self._take()) is not None:
            self._discard(sandbox)

    def _take(self) -> str | None:
        """The oldest that is ready is nobody else's from now on."""
        with self._changed:
            sandbox = self._ready.pop(0) if self._ready else None
            self._changed.notify_all()
            return sandbox

    def _give_back(self, sandbox: str) -> None:
        with self._changed:
            self._ready.append(sandbox)
            self._changed.notify_all()

    def _discard(self, sandbox: str) -> None:
        """Delete one. What cannot be deleted now is removed by a sweep when this process ended."""
        with suppress(SandboxError):
            self._service.delete(sandbox)

    def _fill(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._is_open or len(self._ready) < self._size)
                if not self._is_open:
                    return
            if not self._add():
                with self._changed:
                    self._changed.wait_for(lambda: not self._is_open, RETRY_SECONDS)

    def _add(self) -> bool:
        """Make one that is ready; whether that went well."""
        try:
            made = self._service.start(self._spec, policy=self._policy, makes_room=False)
        except SandboxError:
            return False
        try:
            self._service.pause(made.id)
        except SandboxError:
            self._discard(made.id)
            return False
        self._give_back(made.id)
        return True
