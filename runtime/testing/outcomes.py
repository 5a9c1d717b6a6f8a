"""What became of a case: whether it holds, and each way in which it does not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policyc.runtime.explanation import RuleExplanation
    from policyc.runtime.results import RuleError, Violation
    from policyc.runtime.testing.cases import Case, ExpectedError, ExpectedViolation


class Outcome(StrEnum):
    """`broken`: policyc itself failed, so that nothing is known about the case."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Missing:
    """A violation that was expected and is not there."""

    expected: ExpectedViolation


@dataclass(frozen=True, slots=True)
class Different:
    """A violation that is like an expected one, but for some of its parts."""

    expected: ExpectedViolation
    actual: Violation
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unexpected:
    """A violation that was not expected."""

    actual: Violation


@dataclass(frozen=True, slots=True)
class WrongEvent:
    """The first event that blocks is another one; None: no event blocks."""

    expected: int
    actual: int | None


@dataclass(frozen=True, slots=True)
class RuleFailed:
    """A rule failed that was not expected to."""

    error: RuleError


@dataclass(frozen=True, slots=True)
class NoError:
    """A rule did not fail that was expected to."""

    expected: ExpectedError


@dataclass(frozen=True, slots=True)
class Stopped:
    """The case did not come to its end: over its time, a process that died, an unusable trace."""

    reason: str


Failure = Missing | Different | Unexpected | WrongEvent | RuleFailed | NoError | Stopped


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The outcome of a case, what the policy answered, and why that is not what was expected.

    `explanations`: of the rules that the failures are about. `observed`: what the observer of the
    run has seen (see `running.Observer`).
    """

    case: Case
    outcome: Outcome
    failures: tuple[Failure, ...] = ()
    violations: tuple[Violation, ...] = ()
    errors: tuple[RuleError, ...] = ()
    explanations: tuple[RuleExplanation, ...] = ()
    observed: Any = None

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the policy: the case holds, or is not run."""
        return self.outcome in (Outcome.PASSED, Outcome.SKIPPED)
