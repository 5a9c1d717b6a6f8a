"""What an explanation holds: conditions and values of a policy, each with what was seen of it.

Plain data, made by `observer` and shown by `explanation`; everything in it is text that is safe
to print.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a condition came out; `value` is something that is no condition."""

    TRUE = "true"
    FALSE = "false"
    ERROR = "error"
    UNKNOWN = "unknown"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Observation:
    """A condition or a value of a policy, and what was seen of it.

    `text`: as the policy has it. `line`: where. `value`: a short form of the value, None for
    conditions. `detail`: why it is so. `ranges`: places in the trace. `parts`: what it follows
    from.
    """

    text: str
    line: int
    outcome: Outcome
    value: str | None = None
    detail: str = ""
    ranges: tuple[str, ...] = ()
    parts: tuple[Observation, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "line": self.line,
            "outcome": self.outcome.value,
            "value": self.value,
            "detail": self.detail,
            "ranges": list(self.ranges),
            "parts": [part.to_dict() for part in self.parts],
        }

    def innermost(self) -> Observation:
        """The condition on another line that this one comes down to; itself where there is none."""
        found = self
        current = self
        while True:
            below = [part for part in current.parts if part.outcome is not Outcome.VALUE]
            if len(below) != 1:
                return found
            current = below[0]
            if current.line != self.line:
                found = current


@dataclass(frozen=True, slots=True)
class Binding:
    """Objects for the variables of a block, and how its conditions come out for them."""

    variables: tuple[Observation, ...]
    conditions: tuple[Observation, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "variables": [variable.to_dict() for variable in self.variables],
            "conditions": [condition.to_dict() for condition in self.conditions],
        }
