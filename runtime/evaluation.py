"""What one evaluation asked services: an analysis, or one event of a monitor.

The same request is asked once within an evaluation, whether it was answered or failed. Nothing is
kept for the next one: a service may answer otherwise then.
"""

from __future__ import annotations

from typing import Any


class Evaluation:
    """Answers, and failures with what to do about them, by request; how many requests were sent,
    and the seconds that they took. It belongs to one thread at a time."""

    __slots__ = ("answers", "calls", "failures", "seconds")

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.failures: dict[str, tuple[str, str | None]] = {}
        self.calls = 0
        self.seconds = 0.0

    def restart(self) -> None:
        """Forget everything: another event of a monitor."""
        self.answers.clear()
        self.failures.clear()
        self.calls = 0
        self.seconds = 0.0
