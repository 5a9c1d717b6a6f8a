"""Mutation of the policies of case files: would the cases notice?

Takes a run of case files whose cases were observed (`case_coverage.observe`), so that each mutant
is tried only on the cases that reach what it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.engine import Engine
from policyc.runtime.loading import loader
from policyc.runtime.testing.case_coverage import recorder_of
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.hunt import Target, hunt
from policyc.runtime.testing.mutation.kept import kept_verdicts
from policyc.runtime.testing.mutation.report import MutationReport, report_of
from policyc.runtime.testing.outcomes import Outcome
from policyc.runtime.testing.running import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from policyc.runtime.program import Program
    from policyc.runtime.testing.case_reading import Loaded
    from policyc.runtime.testing.cases import Case
    from policyc.runtime.testing.mutation.mutants import MutantSet
    from policyc.runtime.testing.outcomes import CaseResult
    from policyc.runtime.testing.session import Report


def build(program: Program) -> Engine:
    """What cases are judged with."""
    return Engine(program, loader(None))


def passes(engine: Engine, case: Case) -> bool:
    """Whether a case holds."""
    return judge(engine, case).ok


def mutate(
    loaded: Sequence[Loaded],
    report: Report,
    *,
    rules: Mapping[str, Collection[int]] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MutationReport:
    """What the cases of a run make of the mutants of their policies.

    Args:
        loaded: the case files. report: their run, in which every case holds.
        rules: by the path of a case file the numbers of the rules to change; by default all.
        workers: processes; by default one for each processor.
        progress: called with the number of mutants that are decided, and of all.

    Raises:
        FailingCases: a case does not hold any more.
    """
    results = {file.path: file.results for file in report.files}
    targets = []
    for one in loaded:
        ran = [x for x in results.get(one.path, ()) if x.outcome is Outcome.PASSED]
        if one.file is None or not ran:
            continue
        found = find_mutants(one.file.policies, rules=None if rules is None else rules[one.path])
        cases = tuple(result.case for result in ran)
        kept = kept_verdicts(one.file.policies)
        targets.append(Target(found, cases, build, _reach(one, found, ran), kept))
    return report_of(hunt(targets, passes, workers=workers, progress=progress))


def _reach(loaded: Loaded, found: MutantSet, results: Sequence[CaseResult]) -> dict[str, list[str]]:
    """By mutant the names of the cases that come to what it changes. First those in which a rule
    fires that it changes: most mutants do not get past the first of them."""
    points = recorder_of(loaded).points
    reach: dict[str, list[str]] = {}
    for mutant in found.mutants:
        wanted = points.at(mutant.source, mutant.reached_at)
        rules = {found.plan.rules[number].ref for number in mutant.patch.numbers}
        reaching = [
            result
            for result in results
            if not wanted or result.observed is None or result.observed.reached & wanted
        ]
        fired = [x for x in reaching if any(one.rule in rules for one in x.violations)]
        silent = [x for x in reaching if x not in fired]
        reach[mutant.id] = [x.case.name for x in (*fired, *silent)]
    return reach
