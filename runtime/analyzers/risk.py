"""Levels of risk, and how a level becomes a decision.

The one rule of this module is that nothing counts as harmless for want of an answer: an unknown
level ranks above a low one, an unreadable level is unknown, and a failure counts as high.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Literal

from policyc.grammar.diagnostics import PolicycError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.runtime.results import Violation


class AnalyzerError(PolicycError):
    """An analyzer that cannot be made, started or asked, or that has no answer."""


class RiskLevel(IntEnum):
    """How dangerous an action is; the numbers are those of OpenHands."""

    UNKNOWN = -1
    LOW = 0
    MEDIUM = 1
    HIGH = 2

    @classmethod
    def read(cls, value: Any) -> RiskLevel:
        """The level that a name (in any case) or number stands for; UNKNOWN for everything else."""
        if isinstance(value, str):
            return cls.__members__.get(value.strip().upper(), cls.UNKNOWN)
        if isinstance(value, int) and not isinstance(value, bool) and value in _NUMBERS:
            return cls(value)
        return cls.UNKNOWN


_NUMBERS = frozenset(level.value for level in RiskLevel)
_RANKS = (RiskLevel.LOW, RiskLevel.UNKNOWN, RiskLevel.MEDIUM, RiskLevel.HIGH)


def worst(levels: Iterable[RiskLevel]) -> RiskLevel:
    """The gravest of some levels: an unknown one is graver than a low one. None at all: LOW."""
    return max(levels, key=_RANKS.index, default=RiskLevel.LOW)


class Verdict(StrEnum):
    """What happens to an action: it runs, a person is asked, or it does not run."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


_STRICTNESS = tuple(Verdict)


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """The strictest of some verdicts."""
    return max(verdicts, key=_STRICTNESS.index)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which level on a person is asked, and from which an action is denied.

    None: never. `unknown` is the verdict where there is no level.
    """

    ask: RiskLevel | None = RiskLevel.MEDIUM
    deny: RiskLevel | None = RiskLevel.HIGH
    unknown: Verdict = Verdict.ASK

    def __post_init__(self) -> None:
        for name, level in (("ask", self.ask), ("deny", self.deny)):
            if level is RiskLevel.UNKNOWN:
                raise AnalyzerError(
                    f"the threshold `{name}` cannot be UNKNOWN: what happens there says `unknown`"
                )
        if self.ask is not None and self.deny is not None and self.ask > self.deny:
            raise AnalyzerError(
                f"the thresholds are not in order: `ask` ({self.ask.name}) lies above `deny` "
                f"({self.deny.name})"
            )

    def verdict(self, level: RiskLevel) -> Verdict:
        """What happens at a level."""
        if level is RiskLevel.UNKNOWN:
            return self.unknown
        if self.deny is not None and level >= self.deny:
            return Verdict.DENY
        if self.ask is not None and level >= self.ask:
            return Verdict.ASK
        return Verdict.ALLOW


@dataclass(frozen=True, slots=True)
class Assessment:
    """What an analyzer found out about an action.

    `failures` say what could not be found out; `notes` are for people.
    """

    level: RiskLevel
    violations: tuple[Violation, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


Cause = Literal["level", "error"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to an action, and why.

    `level` is HIGH where something failed, so that a host that looks at nothing else fails closed.
    `cause` is "error" then, else "level". `reason` says it to a person, in a line.
    """

    verdict: Verdict
    level: RiskLevel
    violations: tuple[Violation, ...]
    cause: Cause
    reason: str

    @property
    def is_allowed(self) -> bool:
        """Whether the action may run without anybody being asked."""
        return self.verdict is Verdict.ALLOW

    def to_dict(self) -> dict[str, Any]:
        """The decision as JSON values."""
        return {
            "verdict": self.verdict.value,
            "level": self.level.name.lower(),
            "violations": [violation.to_dict() for violation in self.violations],
            "cause": self.cause,
            "reason": self.reason,
        }


def decide(assessment: Assessment, thresholds: Thresholds, on_error: Verdict) -> Decision:
    """The decision that an assessment leads to."""
    verdict = thresholds.verdict(assessment.level)
    found = [str(violation) for violation in assessment.violations] + [*assessment.notes]
    if assessment.failures:
        return Decision(
            strictest((verdict, on_error)),
            RiskLevel.HIGH,
            assessment.violations,
            "error",
            "; ".join([*assessment.failures, *found]),
        )
    reason = "; ".join(found) or f"the risk is {assessment.level.name.lower()}"
    return Decision(verdict, assessment.level, assessment.violations, "level", reason)
