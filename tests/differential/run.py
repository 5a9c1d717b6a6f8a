"""Many generated cases: `python -m tests.differential.run --cases 20000`.

First the engines of policyc among themselves (optimised, plain, monitor, pending events,
formatter), then coverage against brute force, then mutants of policies (the search in pieces, what
is taken for equivalent), then policyc against the reference implementation, where an environment
has it. A case is one policy, or one mutant, on one trace. Ends with 1 if a difference was found
that is not explained; the smallest policy and trace that show it are printed.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from typing import TYPE_CHECKING

import policyc
from tests.differential.cases import Case, Seen, check_engines, make_case
from tests.differential.choices import RecordedChoices, SeededChoices, shrink
from tests.differential.coverage_cases import (
    CoverageCase,
    Looked,
    check_coverage,
    make_coverage_case,
)
from tests.differential.explanations import AGREED, UNEXPLAINED, compare, compare_pending
from tests.differential.mutants import check_mutants
from tests.differential.oracle import MISSING, Oracle, interpreter
from tests.differential.policy_makers import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

MUTANTS = 30
"""Mutants of one policy that are checked, of all kinds."""

SHOWN = 3
"""Differences that are made small and printed; the others are only counted."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential.run", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--only", choices=RUNS)
    options = parser.parse_args(arguments)
    chosen = [options.only] if options.only else list(RUNS)
    found = sum(RUNS[name](options.cases, options.seed) for name in chosen)
    return 1 if found else 0


def run_engines(cases: int, seed: str, traces: int = 4) -> int:
    """Compare the engines; the number of differences."""
    total, differences, start = Seen(), 0, time.perf_counter()
    number = 0
    while total.traces < cases:
        choices = SeededChoices(f"{seed}/engines/{number}")
        number += 1
        case = make_case(choices, tame=False, traces=traces)
        problem = problem_of(case)
        if isinstance(problem, Seen):
            total.add(problem)
            continue
        total.add(Seen(traces))
        differences += 1
        if differences <= SHOWN:
            _show(choices.taken, problem, traces)
    seconds = time.perf_counter() - start
    print(
        f"engines: {total.traces} cases of {number} policies ({total.refused} refused), "
        f"{total.with_violations} with violations, {total.with_failures} with failed rules, "
        f"{differences} differences, {seconds:.0f} s"
    )
    return differences


def run_coverage(cases: int, seed: str, traces: int = 2) -> int:
    """Compare coverage with brute force; the number of differences."""
    total, differences, start = Looked(), 0, time.perf_counter()
    number = 0
    while total.traces + total.left_out < cases:
        choices = SeededChoices(f"{seed}/coverage/{number}")
        number += 1
        found = coverage_problem(make_coverage_case(choices, traces=traces))
        if isinstance(found, Looked):
            total.add(found)
            continue
        total.add(Looked(traces=traces))
        differences += 1
        if differences <= SHOWN:
            _show_coverage(choices.taken, traces)
    print(
        f"coverage: {total.traces} cases of {number} policies ({total.refused} refused, "
        f"{total.left_out} left out), {total.points} points, {total.reached} reached, "
        f"{total.both} both ways, {total.failed} failed, {differences} differences, "
        f"{time.perf_counter() - start:.0f} s"
    )
    return differences


def run_mutants(cases: int, seed: str, traces: int = 2) -> int:
    """Check mutants of policies; the number of policies with a difference."""
    checked = differences = number = 0
    start = time.perf_counter()
    while checked * traces < cases:
        case = make_case(SeededChoices(f"{seed}/mutants/{number}"), tame=False, traces=traces)
        number += 1
        try:
            checked += check_mutants(case, MUTANTS)
        except policyc.PolicyError:
            continue
        except Exception as error:
            differences += 1
            if differences <= SHOWN:
                print(f"--- {type(error).__name__}: {error}\n{case.policy.source}\n{case.traces}\n")
    seconds = time.perf_counter() - start
    print(
        f"mutants: {checked * traces} cases of {number} policies, {differences} differences,"
        f" {seconds:.0f} s"
    )
    return differences


def coverage_problem(case: CoverageCase) -> Looked | str:
    """What was seen in a case, or what is wrong with it."""
    try:
        return check_coverage(case)
    except AssertionError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}\n{traceback.format_exc()}"


def _show_coverage(record: Sequence[int], traces: int) -> None:
    """Print the smallest case with a difference."""

    def again(record: list[int]) -> tuple[CoverageCase, Looked | str]:
        case = make_coverage_case(RecordedChoices(record), traces=traces)
        return case, coverage_problem(case)

    case, found = again(shrink(record, lambda record: isinstance(again(record)[1], str), 300))
    print(f"--- {found}\n{case.source}\n{case.traces}\n")


def problem_of(case: Case) -> Seen | str:
    """What was seen in a case, or what is wrong with it: a kind, then the details."""
    try:
        return check_engines(case)
    except AssertionError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}\n{traceback.format_exc()}"


def _show(record: Sequence[int], problem: str, traces: int) -> None:
    """Print the smallest case with a problem of the same kind."""
    kind = problem.partition(":")[0]

    def again(record: list[int]) -> tuple[Case, Seen | str]:
        case = make_case(RecordedChoices(record), tame=False, traces=traces)
        return case, problem_of(case)

    def still_fails(record: list[int]) -> bool:
        other = again(record)[1]
        return isinstance(other, str) and other.partition(":")[0] == kind

    case, found = again(shrink(record, still_fails))
    print(f"--- {found}\n{case.policy.source}\n{case.traces}\n")
    if case.noisy != case.policy.source:
        print(f"as formatted:\n{case.noisy}\n")


def run_oracle(cases: int, seed: str, traces: int = 10) -> int:
    """Compare with the reference; the number of differences without an explanation."""
    python = interpreter()
    if python is None:
        print(f"oracle: not run, {MISSING}")
        return 0
    counts: Counter[str] = Counter()
    violations, start = 0, time.perf_counter()
    with Oracle(python) as oracle:
        number = 0
        while sum(counts.values()) < cases:
            choices = SeededChoices(f"{seed}/oracle/{number}")
            number += 1
            case = make_case(choices, tame=True, traces=traces)
            answers, found = compare_with(oracle, case)
            counts.update(answers)
            violations += found
            if UNEXPLAINED in answers and counts[UNEXPLAINED] <= SHOWN * traces:
                _show_oracle(oracle, choices.taken, traces)
    seconds = time.perf_counter() - start
    total = sum(counts.values())
    print(
        f"oracle: {total} cases of {number} policies, {violations} with violations, {seconds:.0f} s"
    )
    for reason, count in counts.most_common():
        print(f"  {count:6} {reason}")
    return counts[UNEXPLAINED]


def compare_with(oracle: Oracle, case: Case) -> tuple[list[str], int]:
    """The verdict for each trace of a case, and on how many both engines found violations."""
    theirs = oracle.ask(case, PARAMETERS)
    try:
        policy = policyc.Policy.from_string(case.policy.source)
    except policyc.PolicyError:
        return [AGREED if "refused" in theirs else "refused by policyc alone"], 0
    if "refused" in theirs:
        return [UNEXPLAINED], 0
    verdicts, found = [], 0
    for number, trace in enumerate(case.traces):
        result = policy.analyze(trace, **PARAMETERS)
        verdict = compare(case.policy, trace, result, theirs["answers"][number])
        if verdict.startswith(AGREED):
            found += len(result) > 0
            at = len(trace) * case.boundary // 100
            pending = policy.analyze_pending(trace[:at], trace[at:], **PARAMETERS)
            about = compare_pending(case.policy, trace, at, pending, theirs["pending"][number])
            verdict = verdict if about == AGREED else about
        verdicts.append(verdict)
    return verdicts, found


def _show_oracle(oracle: Oracle, record: Sequence[int], traces: int) -> None:
    def again(record: list[int]) -> tuple[Case, list[str]]:
        case = make_case(RecordedChoices(record), tame=True, traces=traces)
        return case, compare_with(oracle, case)[0]

    smallest = shrink(record, lambda record: UNEXPLAINED in again(record)[1], rounds=100)
    case, verdicts = again(smallest)
    number = verdicts.index(UNEXPLAINED)
    trace = case.traces[number]
    at = len(trace) * case.boundary // 100
    theirs = oracle.ask(case, PARAMETERS)
    print(f"--- unexplained\n{case.policy.source}\n{trace}\npending from {at}")
    if "refused" in theirs:
        print(f"reference: {theirs['refused']}")
        return
    policy = policyc.Policy.from_string(case.policy.source)
    print(f"reference: {theirs['answers'][number]}\n  pending: {theirs['pending'][number]}")
    print(f"policyc:   {policy.analyze(trace, **PARAMETERS)}")
    print(f"  pending: {policy.analyze_pending(trace[:at], trace[at:], **PARAMETERS)}\n")


RUNS = {
    "engines": run_engines,
    "coverage": run_coverage,
    "mutants": run_mutants,
    "oracle": run_oracle,
}


if __name__ == "__main__":
    sys.exit(main())
