"""The search for matches in its plainest form: nested loops, every candidate looked at.

This is what the compiled search must agree with; tests compare the two, and
`Policy.from_string(..., optimize=False)` runs it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from policyc.runtime.failures import LimitExceeded
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame, Interpreter

if TYPE_CHECKING:
    from policyc.compiler import plan as p
    from policyc.runtime.failures import EvaluationError
    from policyc.runtime.matches import Match, Spot
    from policyc.runtime.run import Run


def search(
    rule: p.RulePlan, interpreter: Interpreter
) -> tuple[list[Match], tuple[EvaluationError, Frame] | None]:
    """Every match of a rule in order, and the first failure of a candidate."""
    failed: list[tuple[EvaluationError, Frame]] = []

    def note(_step: p.Step, frame: Frame, error: EvaluationError) -> None:
        failed.append((error, frame))

    names = rule.block.loop_variables()
    matches: list[Match] = []
    for model in interpreter.models(rule.block, Frame(), note):
        spots: list[Spot] = []
        for name in names:
            coordinate = model.coordinates[name]
            if isinstance(coordinate, int):
                spots.append(coordinate)
            else:
                spots.append((*coordinate, interpreter.history.event(coordinate[0])))
        matches.append((rule.index, tuple(spots)))
    matches.sort(key=lambda match: [s if isinstance(s, int) else s[:2] for s in match[1]])
    return matches, failed[0] if failed else None


def search_all(run: Run) -> Run:
    """Every match and every failed candidate of a trace, put into the run."""
    history = History(run.events or [])
    interpreter = Interpreter(run.plan, history, run.parameters, run.load, run.evaluation)
    for rule in run.plan.rules:
        if rule.index in run.disabled:
            continue
        try:
            if run.meter is not None:
                interpreter.tick = partial(run.meter.tested, rule.index)
            matches, failure = search(rule, interpreter)
            for match in matches:
                if run.meter is not None:
                    run.meter.matched(rule.index)
                run.found.append(match)
        except LimitExceeded as error:
            run.exceed(rule.index, error)
            continue
        if failure is not None:
            run.failed.append((rule, *failure))
    run.tools.extend(history.counts.sizes())
    return run
