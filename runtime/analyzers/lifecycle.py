"""The states of an analyzer, as an explicit machine.

    initialising → running → closing → closed
         │            │         │
         └────────────┴─────────┴────→ failed → closing

Every other step is an error: who is asked while closing or closed must not seem to have answered.
"""

from __future__ import annotations

import threading
from enum import StrEnum

from policyc.runtime.analyzers.risk import AnalyzerError


class State(StrEnum):
    """Where an analyzer is in its life."""

    INITIALISING = "initialising"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


_STEPS = {
    State.INITIALISING: frozenset({State.RUNNING, State.CLOSING, State.FAILED}),
    State.RUNNING: frozenset({State.CLOSING, State.FAILED}),
    State.CLOSING: frozenset({State.CLOSED, State.FAILED}),
    State.CLOSED: frozenset[State](),
    State.FAILED: frozenset({State.CLOSING}),
}


class IllegalTransition(AnalyzerError):
    """A step from one state to another that there is not."""


class Lifecycle:
    """The state of one analyzer; any number of threads may ask and move it."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._state = State.INITIALISING
        self._reason = ""

    @property
    def state(self) -> State:
        """The state it is in."""
        return self._state

    @property
    def reason(self) -> str:
        """Why it failed; empty if it did not."""
        return self._reason

    def move(self, to: State, reason: str = "") -> None:
        """Go to another state; `reason` is told to those who ask afterwards.

        Raises:
            IllegalTransition: there is no such step.
        """
        with self._lock:
            if to not in _STEPS[self._state]:
                raise IllegalTransition(
                    f"the analyzer `{self._owner}` is {self._state} and cannot become {to}"
                )
            self._state = to
            self._reason = reason or self._reason

    def check_running(self) -> None:
        """Raise unless it is running.

        Raises:
            AnalyzerError: it is not.
        """
        if self._state is not State.RUNNING:
            why = f": {self._reason}" if self._reason else ""
            raise AnalyzerError(f"the analyzer `{self._owner}` is {self._state}{why}")
