"""A circuit breaker: does not ask a server again at once that has failed several times."""

from __future__ import annotations

import threading
import time
from typing import Final

from policyc.runtime.failures import BackendError

FAILURES: Final = 5
"""In a row, after which the server is left alone."""

PAUSE_SECONDS: Final = 5.0


class CircuitOpen(BackendError):
    """The server is not asked, because it has just failed several times."""


class Breaker:
    """Counts failures in a row. After a pause one request is let through, to see."""

    def __init__(self, failures: int = FAILURES, pause: float = PAUSE_SECONDS) -> None:
        self._most = failures
        self._pause = pause
        self._lock = threading.Lock()
        self._failures = 0
        self._opened = 0.0

    def check(self, where: str) -> None:
        """Let a request through, or not.

        Raises:
            CircuitOpen: it is not let through.
        """
        with self._lock:
            if self._failures < self._most:
                return
            left = self._opened + self._pause - time.monotonic()
            if left > 0:
                raise CircuitOpen(
                    f"{where} failed {self._failures} times in a row and is not asked for another "
                    f"{left:.1f} seconds"
                )
            self._opened = time.monotonic()

    def note(self, *, is_good: bool) -> None:
        """Note how a request ended."""
        with self._lock:
            self._failures = 0 if is_good else self._failures + 1
            if not is_good:
                self._opened = time.monotonic()
