"""A change of nodes made in all of a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policyc.compiler import plan as p

if TYPE_CHECKING:
    from collections.abc import Callable


def everywhere(plan: p.Plan, change: Callable[[p.PlanNode], p.PlanNode]) -> p.Plan:
    """The plan with the change applied to every node, those below first."""
    return replace(
        plan,
        rules=tuple(p.rewrite(rule, change) for rule in plan.rules),
        predicates=tuple(p.rewrite(predicate, change) for predicate in plan.predicates),
        constants=tuple(p.rewrite(constant, change) for constant in plan.constants),
    )
