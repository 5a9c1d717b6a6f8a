"""Mutation: making mutants of the policies here, and running them on recorded sessions.

Wall time, for two processes: it is what a person waits for. There is nothing to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.results import Row
from benchmarks.trace_maker import make_traces
from policyc import Policy
from policyc.runtime.loading import read_source
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.hunt import Target, hunt
from policyc.runtime.testing.mutation.report import report_of
from policyc.runtime.traces import read_corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.setting import Setting
    from benchmarks.trace_maker import Trace

EXAMPLES = Path(__file__).parents[1] / "examples"
POLICIES = (
    "policy:loops-and-budgets",
    "policy:secrets",
    "policy:destructive-actions",
    str(EXAMPLES / "mail-assistant" / "mail.inv"),
    str(EXAMPLES / "coding-agent" / "coding.inv"),
)
MUTANTS = 1_000
SESSIONS = 30
PROCESSES = 2


@dataclass(frozen=True)
class SessionCase:
    """A session, and what the policy said of it."""

    name: str
    trace: Trace
    verdict: str

    @property
    def digest(self) -> str:
        return self.name


def verdict(policy: Policy, trace: Trace) -> str:
    return repr(policy.analyze(trace, domain="acme.example").to_dict())


def passes(policy: Policy, case: SessionCase) -> bool:
    return verdict(policy, case.trace) == case.verdict


def _sessions() -> Iterator[Trace]:
    """The sessions of the examples."""
    for _, trace in read_corpus(EXAMPLES / "coding-agent" / "sessions.jsonl"):
        yield trace


def thousand_mutants(setting: Setting) -> Iterator[Row]:
    """The policies one after the other, and again until there are enough mutants."""
    wanted = MUTANTS // 20 if setting.effort.is_quick else MUTANTS
    traces = [*make_traces(SESSIONS), *_sessions()]
    targets: list[Target] = []
    making = 0.0
    while sum(len(target.found.mutants) for target in targets) < wanted:
        source = read_source(POLICIES[len(targets) % len(POLICIES)])
        policy = Policy.from_string(source.text, source.path)
        cases = [
            SessionCase(f"session {number}", trace, verdict(policy, trace))
            for number, trace in enumerate(traces)
        ]
        start = perf_counter()
        targets.append(Target(find_mutants([source]), tuple(cases), Policy))
        making += perf_counter() - start
    start = perf_counter()
    hunts = hunt(targets, passes, workers=PROCESSES)
    hunting = perf_counter() - start
    score = report_of(hunts).score

    def of_thousand(seconds: float) -> float:
        return seconds / score.mutants * MUTANTS * 1e3

    tried = f"{score.mutants} mutants of {len(hunts)} policies, {len(traces)} sessions each"
    seen = f"{score.killed} killed, {score.survived} survived"
    total = of_thousand(making + hunting)
    yield Row(f"{MUTANTS} mutants in {PROCESSES} processes", total, "ms", 60_000, note=tried)
    yield Row("of this, making them", of_thousand(making), "ms")
    yield Row("of this, running them", of_thousand(hunting), "ms", note=seen)
