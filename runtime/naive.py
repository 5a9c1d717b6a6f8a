"""The search for matches in its plainest form: nested loops, every candidate looked at.

This is what the compiled search must agree with; tests compare the two, and `Policy(..., optimize=False)` runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.interpreter import Frame, Interpreter
from policyc.runtime.reports import Match, Spot

if TYPE_CHECKING:
    from policyc.compiler import plan as p
    from policyc.runtime.failures import EvaluationError


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
