"""What must agree: each check takes a policy and a trace and raises `Difference` with what was
answered.

The plain engine (`optimize=False`, nested loops over every candidate) is the measure for the
generated search, for monitors and for pending events.
"""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

from policyc.api import Options, Policy
from policyc.grammar.formatter import format_source
from policyc.grammar.parser import parse
from policyc.grammar.source import Source
from policyc.runtime.limits import Limits
from policyc.runtime.matches import events_of, identity_of

if TYPE_CHECKING:
    from policyc.runtime.results import AnalysisResult
    from tests.differential.trace_makers import Event


class Difference(AssertionError):
    """Two engines answered differently."""


class Pair:
    """A policy, compiled once: for the plain engine, the optimised one, and a copy with limits."""

    def __init__(self, source: str, parameters: dict[str, Any]) -> None:
        self.fast = Policy.from_string(source)
        self.plain = Policy(self.fast._program, self.fast.diagnostics, Options(optimize=False))
        limited = Options(limits=Limits(work=10**9))
        copied = pickle.loads(pickle.dumps(self.fast._program))
        self.metered = Policy(copied, self.fast.diagnostics, limited)
        self.parameters = parameters


def answer(result: AnalysisResult) -> dict[str, Any]:
    """What a result says: violations in order, and the rules that failed."""
    return {
        "violations": [
            (v.rule.line, v.args, v.kwargs, v.ranges, v.key, v.message, v.risk)
            for v in result.violations
        ],
        "failed": sorted({error.rule.line for error in result.errors}),
        "blocked": result.blocked,
    }


def check_optimised(pair: Pair, trace: list[Event]) -> dict[str, Any]:
    """The generated search finds what nested loops find, in the same order."""
    before = copy.deepcopy(trace)
    plain = answer(pair.plain.analyze(trace, **pair.parameters))
    fast = answer(pair.fast.analyze(trace, **pair.parameters))
    _compare("the optimised search", fast, plain)
    metered = answer(pair.metered.analyze(trace, **pair.parameters))
    _compare("the search that counts its work", metered, plain)
    _compare("the trace after the analysis", trace, before)
    return plain


def check_format(text: str) -> None:
    """Formatting keeps the tree, and formatting again changes nothing."""
    once = format_source(Source(text))
    _compare("the tree after formatting", parse(Source(once)).tree, parse(Source(text)).tree)
    _compare("the text formatted twice", format_source(Source(once)), once)


def check_monitor(pair: Pair, trace: list[Event]) -> None:
    """A monitor reports what the plain engine finds on each prefix and had not found before."""
    monitor = pair.fast.monitor(**pair.parameters)
    metered = pair.metered.monitor(**pair.parameters)
    engine = pair.plain._engine
    seen: set[Any] = set()
    failed: set[int] = set()
    told: set[int] = set()
    for number, event in enumerate(trace):
        run = engine.search(trace[: number + 1], pair.parameters)
        new = [match for match in run.found if identity_of(match) not in seen]
        seen.update(map(identity_of, new))
        failed |= {rule.index for rule, _, _ in run.failed}
        expected = answer(engine.result(run, new))["violations"]
        result = monitor.append(event)
        got = answer(result)
        _compare(f"the monitor at event {number}", got["violations"], expected)
        _compare(f"the monitor with limits at event {number}", answer(metered.append(event)), got)
        told |= {_index(pair, line) for line in got["failed"]}
        _compare(f"the rules that failed in the monitor by event {number}", told, failed)


def check_pending(pair: Pair, trace: list[Event], boundary: int) -> None:
    """Pending analysis keeps what involves a pending event or did not hold on the past alone."""
    past, pending = trace[:boundary], trace[boundary:]
    result = pair.fast.analyze_pending(past, pending, **pair.parameters)
    engine = pair.plain._engine
    run = engine.search(trace, pair.parameters)
    before = {identity_of(x) for x in engine.search(past, pair.parameters).found}
    matches = [
        match
        for match in run.found
        if pending
        and (
            any(number >= boundary for number in events_of(match))
            or identity_of(match) not in before
        )
    ]
    must = answer(engine.result(run, matches))["violations"]
    got = answer(result)["violations"]
    _compare("pending events: what must be kept", [v for v in must if v not in got], [])
    every = answer(engine.result(run, run.found))["violations"]
    extra = [violation for violation in got if violation not in must]
    unfounded = [v for v in extra if v not in every or not _touches(v[3], boundary)]
    _compare("pending events: what has nothing to do with them", unfounded, [])


def _touches(ranges: list[str], boundary: int) -> bool:
    """Whether a range lies in the pending part: what `count(min=...)` counted may (Decision 18)."""
    return any(int(part.split(":")[0].split(".")[0]) >= boundary for part in ranges)


def _index(pair: Pair, line: int) -> int:
    return next(rule.index for rule in pair.fast._program.plan.rules if rule.ref.line == line)


def _compare(what: str, got: Any, expected: Any) -> None:
    if got != expected:
        raise Difference(f"{what}:\n  got      {got}\n  expected {expected}")
