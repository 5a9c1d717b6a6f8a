"""Cases and their judge as a hunt takes them; the processes of a hunt import them from here."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.traces import Event

    from policyc import Policy


@dataclass(frozen=True)
class TraceCase:
    """A trace and the messages that a policy must give for it."""

    name: str
    trace: list[Event]
    messages: list[str]

    @property
    def digest(self) -> str:
        return repr((self.trace, self.messages))


def passes(policy: Policy, case: TraceCase) -> bool:
    result = policy.analyze(case.trace)
    return not result.errors and [x.message for x in result] == case.messages


def hangs_without_violation(policy: Policy, case: TraceCase) -> bool:
    """As `passes`, but takes for ever where something is missing."""
    if not policy.analyze(case.trace):
        time.sleep(600)
    return passes(policy, case)


def breaks(policy: Any, case: TraceCase) -> bool:
    raise RuntimeError("the judge is broken")


def dies_without_violation(policy: Policy, case: TraceCase) -> bool:
    """As `passes`, but ends its process where something is missing."""
    if not policy.analyze(case.trace):
        os._exit(7)
    return passes(policy, case)
