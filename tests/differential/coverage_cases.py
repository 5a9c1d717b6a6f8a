"""Whether coverage says what brute force finds: a case is one policy on some traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import policyc
from policyc.api import Options, Policy
from policyc.runtime.testing.coverage.recorder import Recorder
from tests.differential.comparisons import Difference
from tests.differential.coverage_oracle import CoverageOracle, Outcomes, TooMuch
from tests.differential.policy_makers import PARAMETERS, make_policy
from tests.differential.trace_makers import Event, make_trace

if TYPE_CHECKING:
    from policyc.runtime.testing.coverage.counts import Seen
    from policyc.runtime.testing.coverage.points import Points
    from tests.differential.choices import Choices

Row = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class CoverageCase:
    source: str
    traces: list[list[Event]]
    parameters: dict[str, Any]


def make_coverage_case(choices: Choices, *, traces: int) -> CoverageCase:
    policy = make_policy(choices, tame=False)
    parameters = dict(PARAMETERS)
    if choices.chance(10):
        del parameters[choices.pick(("who", "limit", "names"))]
    made = [make_trace(choices, tame=False, most=7) for _ in range(traces)]
    return CoverageCase(policy.source, made, parameters)


@dataclass(slots=True)
class Looked:
    """What happened in a case, to tell a run that tests something from one that does not."""

    traces: int = 0
    points: int = 0
    reached: int = 0
    both: int = 0
    """Points that came out true and false."""
    failed: int = 0
    left_out: int = 0
    """Traces on which brute force takes too long."""
    refused: int = 0

    def add(self, other: Looked) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def check_coverage(case: CoverageCase) -> Looked:
    """Whether the counter and brute force agree on each trace of a case, whole and as a stream.

    Raises:
        Difference: they do not.
    """
    try:
        policy = Policy.from_string(case.source)
    except policyc.PolicyError:
        return Looked(refused=1)
    looked = Looked()
    for trace in case.traces:
        try:
            looked.add(_check_trace(policy, trace, case.parameters))
        except TooMuch:
            looked.add(Looked(left_out=1))
    return looked


def _check_trace(policy: Policy, trace: list[Event], parameters: dict[str, Any]) -> Looked:
    engine = policy._engine
    recorder = Recorder(engine)
    points = recorder.points
    seen = recorder.run(trace, parameters)
    expected = CoverageOracle(engine, recorder.plan, trace, parameters).run(parameters)
    _compare("the whole trace", points, _counted(points, seen), _sums(points, expected))
    _check_rules(policy, recorder, trace, parameters, seen)
    prefixes = [
        CoverageOracle(engine, recorder.plan, trace[:size], parameters).run(parameters)
        for size in range(1, len(trace) + 1)
    ]
    if trace:
        stream = recorder.run(trace, parameters, stream=True)
        union = {
            number: _outcomes(row)
            for number, row in _sums(points, _added(prefixes)).items()
            if any(row)
        }
        got = {number: _outcomes(row) for number, row in _counted(points, stream).items()}
        _compare("the stream", points, got, union)
    rows = _counted(points, seen).values()
    return Looked(
        traces=1,
        points=len(points.all),
        reached=len(rows),
        both=sum(row[0] > 0 and row[1] > 0 for row in rows),
        failed=sum(row[2] > 0 for row in rows),
    )


def _check_rules(
    policy: Policy,
    recorder: Recorder,
    trace: list[Event],
    parameters: dict[str, Any],
    seen: Seen,
) -> None:
    """The verdicts on rules are those of the plain engine."""
    plain = Policy(policy._program, policy.diagnostics, Options(optimize=False))
    result = plain.analyze(trace, **parameters)
    fired = {violation.rule for violation in result.violations}
    failed = {error.rule for error in result.errors} - fired
    for rule in recorder.plan.rules:
        counts = seen.counts[recorder.points.rules[rule.index]]
        got = (counts.true, counts.false, counts.failed)
        is_quiet = rule.ref not in fired and rule.ref not in failed
        expected = (int(rule.ref in fired), int(is_quiet), int(rule.ref in failed))
        if got != expected:
            raise Difference(f"the rule {rule.ref.name}:\n  got      {got}\n  expected {expected}")


def _counted(points: Points, seen: Seen) -> dict[int, Row]:
    if any(counts.cut for counts in seen.counts.values()):
        raise TooMuch
    rules = set(points.rules.values())
    return {
        number: (counts.true, counts.false, counts.failed)
        for number, counts in seen.counts.items()
        if number not in rules
    }


def _sums(points: Points, outcomes: Outcomes) -> dict[int, Row]:
    """What brute force found, by the number of the point.

    What it takes for a condition and is no point must always have come out one way.
    """
    sums: dict[int, list[int]] = {}
    for (what, node), row in outcomes.counts.items():
        number = _number(points, what, node)
        if number is None:
            if row[0] and row[1]:
                raise Difference(f"no point: {outcomes.texts[what, node]}")
            continue
        known = sums.setdefault(number, [0, 0, 0])
        for at in range(3):
            known[at] += row[at]
    return {number: (row[0], row[1], row[2]) for number, row in sums.items()}


def _number(points: Points, what: str, node: int) -> int | None:
    match what.split():
        case ["condition"]:
            return points.conditions.get(node)
        case ["name"]:
            return points.names.get(node)
        case ["value"]:
            return points.values.get(node)
        case ["key", number]:
            return points.keys[node][int(number)]
        case _:
            bounds = points.quantifiers[node]
            return {"min": bounds.minimum, "max": bounds.maximum, "forall": bounds.forall}[what]


def _added(parts: list[Outcomes]) -> Outcomes:
    total = Outcomes()
    for part in parts:
        total.texts.update(part.texts)
        for key, row in part.counts.items():
            for at in range(3):
                total.counts[key][at] += row[at]
    return total


def _outcomes(row: Row) -> tuple[bool, bool, bool]:
    return row[0] > 0, row[1] > 0, row[2] > 0


def _compare(what: str, points: Points, got: dict[int, Any], expected: dict[int, Any]) -> None:
    for number, point in enumerate(points.all):
        if got.get(number) != expected.get(number):
            raise Difference(
                f"{what}: {point.kind} `{point.text}` at {point.span.start}\n"
                f"  got      {got.get(number)}\n  expected {expected.get(number)}"
            )
