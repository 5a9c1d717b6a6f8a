"""Mutants of generated policies: compiled in pieces they answer as compiled as a whole, and never
fail in a way that nobody foresaw; those that are left out as equivalent answer as the original."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from policyc.api import Options, Policy
from policyc.compiler.codegen import generate
from policyc.grammar.source import Source
from policyc.runtime.program import Program
from policyc.runtime.testing.mutation import finding
from policyc.runtime.testing.mutation.equivalence import meaning_of
from policyc.runtime.testing.mutation.programs import MutantPrograms
from tests.differential.comparisons import Difference, answer

if TYPE_CHECKING:
    from policyc.runtime.testing.mutation.mutants import Mutant, MutantSet
    from tests.differential.cases import Case


def all_mutants(source: str) -> MutantSet:
    """Also those that mean the same as the policy, or as another one.

    Raises:
        PolicyError: the policy has errors.
    """
    numbers = count()
    with patch.object(finding, "meaning_of", lambda *_: str(next(numbers))):
        return finding.find_mutants([Source(source)])


def check_mutants(case: Case, most: int = 10**6) -> int:
    """Check the mutants of a case, or so many of them; how many were checked.

    Raises:
        Difference: something is wrong.
        PolicyError: the policy has errors.
    """
    found = all_mutants(case.policy.source)
    programs = MutantPrograms(found.plan)
    original = [_answers(Policy(programs.unchanged), trace, case) for trace in case.traces]
    rules = found.plan.rules
    meanings = [meaning_of(found.plan, rule) for rule in rules]
    known: dict[Any, tuple[Mutant, list[Any]]] = {}
    chosen = found.mutants[:: 1 + len(found.mutants) // most]
    for mutant in chosen:
        answers = _check_mutant(found, mutant, programs, case)
        meaning = tuple(meaning_of(mutant.patch.alone, rule) for rule in mutant.patch.rules)
        if meaning == tuple(meanings[number] for number in mutant.patch.numbers):
            _same(f"the equivalent {mutant.id}", answers, original)
        other, others_answers = known.setdefault(meaning, (mutant, answers))
        _same(f"{mutant.id} and its duplicate {other.id}", answers, others_answers)
    return len(chosen)


def _check_mutant(
    found: MutantSet, mutant: Mutant, programs: MutantPrograms, case: Case
) -> list[Any]:
    plan = mutant.patch.applied(found.plan)
    pieces = programs.of(mutant)
    whole = Program(plan, generate(plan))
    plain = Policy(pieces, (), Options(optimize=False))
    answers = []
    for trace in case.traces:
        answers.append(_answers(Policy(pieces), trace, case))
        _same(f"{mutant.id} in pieces", answers[-1], _answers(Policy(whole), trace, case))
        expected = answer(plain.analyze(trace, **case.parameters))
        _same(f"{mutant.id} by nested loops", answers[-1][0], expected)
    return answers


def _answers(policy: Policy, trace: list[Any], case: Case) -> list[Any]:
    """What a policy says of a whole trace, of its end, and event by event."""
    boundary = len(trace) * case.boundary // 100
    results = [
        policy.analyze(trace, **case.parameters),
        policy.analyze_pending(trace[:boundary], trace[boundary:], **case.parameters),
    ]
    monitor = policy.monitor(**case.parameters)
    results.extend(monitor.append(event) for event in trace)
    for result in results:
        for error in result.errors:
            if str(error.message).startswith("the search failed"):
                raise Difference(f"an exception that nobody foresaw: {error.message}")
    return [answer(result) for result in results]


def _same(what: str, got: Any, expected: Any) -> None:
    if got != expected:
        raise Difference(f"{what}:\n  got      {got}\n  expected {expected}")
