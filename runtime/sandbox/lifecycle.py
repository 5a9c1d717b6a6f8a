"""The states of a sandbox, as an explicit machine.

    STARTING → RUNNING ⇄ PAUSED
        │         ⇅  ╲      │
        ├─────→ ERROR ─────→┤     (an unhealthy sandbox may be paused, or be well again)
        └─────────┴─────────┴────→ MISSING

Who asks for another step is refused. What a provider tells is believed, whatever step that is.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.failures import WrongState
from policyc.runtime.sandbox.provider import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

STEPS: Final[Mapping[Status, frozenset[Status]]] = MappingProxyType(
    {
        Status.STARTING: frozenset({Status.RUNNING, Status.ERROR, Status.MISSING}),
        Status.RUNNING: frozenset({Status.PAUSED, Status.ERROR, Status.MISSING}),
        Status.PAUSED: frozenset({Status.RUNNING, Status.ERROR, Status.MISSING}),
        Status.ERROR: frozenset({Status.RUNNING, Status.PAUSED, Status.MISSING}),
        Status.MISSING: frozenset(),
    }
)

HOLDING: Final = frozenset({Status.STARTING, Status.RUNNING, Status.ERROR})
"""States in which a sandbox holds resources, so that it counts for a limit."""

_WAY_OUT: Final[Mapping[Status, str]] = {
    Status.STARTING: "wait until it runs",
    Status.RUNNING: "pause it before",
    Status.PAUSED: "resume it before",
    Status.ERROR: "delete it, and start another",
    Status.MISSING: "start another",
}


class IllegalTransition(WrongState):
    """A step from one state to another that there is not."""


def check_step(sandbox: str, before: Status, after: Status) -> None:
    """Refuse a step that there is not.

    Raises:
        IllegalTransition: the message says what to do instead.
    """
    if after not in STEPS[before]:
        raise IllegalTransition(
            f"the sandbox `{sandbox}` is {before} and cannot become {after}: {_WAY_OUT[before]}"
        )
