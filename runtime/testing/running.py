"""Running one case: what the policy answers, held against what the case expects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.monitor import Monitor
from policyc.runtime.testing.matching import differences, largest_matching, same_rule
from policyc.runtime.testing.outcomes import (
    CaseResult,
    Different,
    Failure,
    Missing,
    NoError,
    Outcome,
    RuleFailed,
    Stopped,
    Unexpected,
    WrongEvent,
)
from policyc.runtime.trace_ranges import indexes
from policyc.runtime.why import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyc.runtime.engine import Engine
    from policyc.runtime.explanation import RuleExplanation
    from policyc.runtime.results import AnalysisResult, RuleError, Violation
    from policyc.runtime.testing.cases import Case, Events, ExpectedError, ExpectedViolation

    Observer = Callable[[Engine, Case], Any]
    """Looks at each case that is run; what it gives can be pickled and becomes
    `CaseResult.observed`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a policy answers to a case. `first`: the index of the first event that blocks, where
    it was fed event by event."""

    violations: tuple[Violation, ...]
    errors: tuple[RuleError, ...]
    first: int | None = None


def run_case(engine: Engine, case: Case) -> CaseResult:
    """Run a case, whether or not it is to be skipped, and explain why it does not hold."""
    return explained(engine, judge(engine, case))


def judge(engine: Engine, case: Case) -> CaseResult:
    """Run a case without looking for reasons, which take longer than the case."""
    try:
        answer = answer_to(engine, case)
    except PolicycError as error:
        return CaseResult(case, Outcome.FAILED, (Stopped(str(error)),))
    failures = tuple(_failures(case, answer))
    outcome = Outcome.FAILED if failures else Outcome.PASSED
    return CaseResult(case, outcome, failures, answer.violations, answer.errors)


def explained(engine: Engine, result: CaseResult) -> CaseResult:
    """The result with explanations of the rules that its failures are about."""
    reasons = tuple(_reasons(engine, result.case, result.failures)) if result.failures else ()
    return replace(result, explanations=reasons)


def answer_to(engine: Engine, case: Case) -> Answer:
    """What the policy says about the events of a case.

    Raises:
        PolicycError: the trace or the parameters cannot be used.
    """
    if case.past is not None:
        result = engine.analyze_pending(case.past, case.events, case.parameters)
        return Answer(tuple(result.violations), tuple(result.errors))
    streamed = None
    if case.is_stream or case.expectation.at is not None:
        streamed = _streamed(engine, case)
        if case.is_stream:
            return streamed
    result = engine.analyze(case.events, case.parameters)
    first = None if streamed is None else streamed.first
    return Answer(tuple(result.violations), tuple(result.errors), first)


def _streamed(engine: Engine, case: Case) -> Answer:
    monitor = Monitor(engine, case.parameters)
    results: list[AnalysisResult] = [monitor.append(event) for event in case.events]
    blocking = zip(indexes(case.events), results, strict=True)
    first = next((index for index, result in blocking if result.blocked), None)
    errors = {str(error): error for result in results for error in result.errors}
    return Answer(
        tuple(violation for result in results for violation in result),
        tuple(errors.values()),
        first,
    )


# --- what is not as expected ----------------------------------------------------------------------


def _failures(case: Case, answer: Answer) -> Iterator[Failure]:
    expectation = case.expectation
    if expectation.violations is not None:
        yield from compare(expectation.violations, answer.violations, case.trace)
    if expectation.at is not None and expectation.at != answer.first:
        yield WrongEvent(expectation.at, answer.first)
    yield from _of_errors(expectation.errors, answer.errors)


def compare(
    expected: Sequence[ExpectedViolation], actual: Sequence[Violation], trace: Events
) -> Iterator[Missing | Different | Unexpected]:
    """What violations of a trace have against being those that are expected, all and only them."""
    parts = [[differences(one, violation, trace) for violation in actual] for one in expected]
    found = largest_matching([[not cell for cell in row] for row in parts], len(actual))
    left = [number for number, column in enumerate(found) if column is None]
    over = [number for number in range(len(actual)) if number not in found]
    for row in left:
        # The one that is most like it; one of another rule must be like it in something.
        near = min(over, key=lambda column: len(parts[row][column]), default=None)
        is_other = near is not None and {"rule", "message"} & set(parts[row][near])
        if near is None or (is_other and len(parts[row][near]) == len(expected[row].to_dict())):
            yield Missing(expected[row])
        else:
            over.remove(near)
            yield Different(expected[row], actual[near], parts[row][near])
    for column in over:
        yield Unexpected(actual[column])


def _of_errors(expected: Sequence[ExpectedError], actual: Sequence[RuleError]) -> Iterator[Failure]:
    fits = [[_fits(one, error) for error in actual] for one in expected]
    found = largest_matching(fits, len(actual))
    for one, column in zip(expected, found, strict=True):
        if column is None:
            yield NoError(one)
    for column, error in enumerate(actual):
        if column not in found:
            yield RuleFailed(error)


def _fits(expected: ExpectedError, actual: RuleError) -> bool:
    is_meant = expected.rule is None or same_rule(expected.rule, actual.rule)
    return is_meant and expected.text in actual.message


# --- why ------------------------------------------------------------------------------------------


def _reasons(engine: Engine, case: Case, failures: Sequence[Failure]) -> Iterator[RuleExplanation]:
    """Explanations of the rules that the failures are about."""
    rules = engine.plan.rules
    wanted: set[int] = set()
    for failure in failures:
        match failure:
            case Missing(expected):
                wanted |= _rules_meant(engine, expected)
            case Different(_, actual) | Unexpected(actual):
                wanted |= {rule.index for rule in rules if rule.ref == actual.rule}
            case NoError(expected=one):
                wanted |= {rule.index for rule in rules if one.rule in (None, rule.ref)}
            case WrongEvent():
                wanted |= {rule.index for rule in rules}
            case RuleFailed(error):
                wanted |= {rule.index for rule in rules if rule.ref == error.rule}
            case Stopped():
                pass
    try:
        explained = explain(engine, case.trace, case.parameters, None)
    except PolicycError:
        return
    for number, explanation in enumerate(explained.rules):
        if number in wanted:
            yield explanation


def _rules_meant(engine: Engine, expected: ExpectedViolation) -> set[int]:
    """The rules that a violation was expected of; all where it does not say so."""
    rules = engine.plan.rules
    if expected.rule is not None:
        return {rule.index for rule in rules if rule.ref == expected.rule}
    named = set()
    if expected.message:
        message = " ".join(expected.message.split())
        named = {rule.index for rule in rules if rule.ref.name in message}
    return named or {rule.index for rule in rules}
