"""What one evaluation found out already: an analysis, or one event of a monitor.

The same request is asked once of a service within an evaluation, whether it was answered or failed.
Nothing is kept for the next one: a service may answer otherwise then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.runtime.places import Mark


class Evaluation:
    """Answers, and failures with what to do about them, by request; how many requests were sent,
    and the seconds that they took. `repeats` are values that many rules ask for, with the marks
    made on the way and what they are about (see `policyc.runtime.repeats`). It belongs to one
    thread at a time."""

    __slots__ = ("answers", "calls", "failures", "repeats", "seconds")

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.failures: dict[str, tuple[str, str | None]] = {}
        self.repeats: dict[Any, tuple[Any, Sequence[Mark], Any]] = {}
        self.calls = 0
        self.seconds = 0.0

    def restart(self) -> None:
        """Forget everything: another event of a monitor."""
        self.answers.clear()
        self.failures.clear()
        self.repeats.clear()
        self.calls = 0
        self.seconds = 0.0
