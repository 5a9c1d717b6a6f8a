"""A case: one generated policy and some traces; and the checks that a case must pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import policyc
from tests.differential.comparisons import (
    Pair,
    check_format,
    check_monitor,
    check_optimised,
    check_pending,
)
from tests.differential.policy_makers import PARAMETERS, MadePolicy, make_policy, with_noise
from tests.differential.trace_makers import Event, make_trace

if TYPE_CHECKING:
    from tests.differential.choices import Choices


@dataclass(frozen=True, slots=True)
class Case:
    policy: MadePolicy
    noisy: str
    """The policy's text with comments, blank lines and another indentation."""
    traces: list[list[Event]]
    boundary: int
    """In per cent of a trace: where the pending events begin."""
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS))


def make_case(choices: Choices, *, tame: bool, traces: int) -> Case:
    """A case; a tame one is read alike by the reference implementation."""
    policy = make_policy(choices, tame=tame)
    most = 7 if tame else 9
    case = Case(
        policy,
        with_noise(choices, policy.source),
        [make_trace(choices, tame=tame, most=most) for _ in range(traces)],
        choices.pick((50, 0, 80, 100)),
    )
    if not tame and choices.chance(10):
        del case.parameters[choices.pick(("who", "limit", "names"))]
    return case


@dataclass(slots=True)
class Seen:
    """What happened in a case, to tell a run that tests something from one that does not."""

    traces: int = 0
    with_violations: int = 0
    with_failures: int = 0
    refused: int = 0

    def add(self, other: Seen) -> None:
        self.traces += other.traces
        self.with_violations += other.with_violations
        self.with_failures += other.with_failures
        self.refused += other.refused


def check_engines(case: Case) -> Seen:
    """Whether all ways to evaluate a case agree, and its text survives formatting.

    Raises:
        Difference: they do not.
    """
    check_format(case.noisy)
    try:
        pair = Pair(case.policy.source, case.parameters)
    except policyc.PolicyError:
        # Some makers combine what the compiler rightly refuses, such as a number in a text.
        return Seen(refused=1)
    seen = Seen()
    for trace in case.traces:
        found = check_optimised(pair, trace)
        check_monitor(pair, trace)
        check_pending(pair, trace, len(trace) * case.boundary // 100)
        seen.add(Seen(1, bool(found["violations"]), bool(found["failed"])))
    return seen
