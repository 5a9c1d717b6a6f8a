"""What a policy says about a trace: violations and failures by rule, and where it blocks.

A trace is judged as a whole, or event by event as a gate sees it; then each finding has the number
of the event after which it was reported.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from policyc.compiler.risk import without_tags
from policyc.runtime.results import RuleError, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.api import Policy
    from policyc.compiler.plan import RuleRef
    from policyc.runtime.results import AnalysisResult
    from policyc.runtime.trace_reading import Events


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation or a failure of a rule; `at` is the event that brought it (None: the trace as a
    whole)."""

    what: Violation | RuleError
    at: int | None

    @property
    def is_failure(self) -> bool:
        return isinstance(self.what, RuleError)

    def identity(self) -> object:
        """Equal for what is the same finding in two versions of a rule.

        The name of the rule does not count, which is its message where that is a fixed text; nor
        does the message of an error.
        """
        if isinstance(self.what, RuleError):
            return self.at
        found = self.what
        values: list[Any] = found.args
        if values and found.message and _is_name(found.message, found.rule.name):
            values = [None, *values[1:]]
        told = json.dumps([values, found.kwargs], sort_keys=True)
        return self.at, tuple(found.ranges), found.risk, told

    def to_dict(self) -> dict[str, Any]:
        """The form of `policyc eval --format json`, with `at` where there is one."""
        shown = self.what.to_dict()
        return shown if self.at is None else {**shown, "at": self.at}


@lru_cache
def _is_name(message: str, rule: str) -> bool:
    name = without_tags(message)
    return rule == name or (rule.startswith(f"{name} #") and rule[len(name) + 2 :].isdecimal())


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a policy blocks a trace; `at` is the first event that it blocks where events were
    judged one by one."""

    blocked: bool
    at: int | None = None

    def to_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"blocked": self.blocked}
        return shown if self.at is None else {**shown, "at": self.at}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy says about a trace: whether it blocks, and the findings of each rule."""

    outcome: Outcome
    findings: Mapping[RuleRef, list[Finding]]

    def has_violation(self, rule: RuleRef) -> bool:
        return any(not finding.is_failure for finding in self.findings.get(rule, ()))


CLEAN = Decision(Outcome(blocked=False), {})


def decide(
    policy: Policy, events: Events, parameters: Mapping[str, Any], *, stream: bool
) -> Decision:
    """What a policy says about a trace, or about its events as they come.

    Raises:
        TraceError: a part of the trace that a rule looks at is malformed.
    """
    findings: dict[RuleRef, list[Finding]] = defaultdict(list)
    if not stream:
        result = policy.analyze(events, **parameters)
        if not result:
            return CLEAN
        _add(result, None, findings)
        return Decision(Outcome(blocked=True), dict(findings))
    first: int | None = None
    monitor = policy.monitor(**parameters)
    for at, event in enumerate(events):
        result = monitor.append(event)
        if result:
            first = at if first is None else first
            _add(result, at, findings)
    if first is None:
        return CLEAN
    return Decision(Outcome(blocked=True, at=first), dict(findings))


def _add(result: AnalysisResult, at: int | None, findings: dict[RuleRef, list[Finding]]) -> None:
    found: list[Violation | RuleError] = [*result.violations, *result.errors]
    for what in found:
        findings[what.rule].append(Finding(what, at))
