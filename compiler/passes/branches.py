"""Dead branches: conditions of a block that always hold, and what stands below one that never
does.

The block of a `forall` is searched for candidates that fail, so there what stands below counts.
"""

from __future__ import annotations

from dataclasses import replace

from policyc.compiler import plan as p
from policyc.compiler.passes.everywhere import everywhere


def remove_dead_branches(plan: p.Plan) -> p.Plan:
    """The plan without steps that change nothing or are never reached."""
    return everywhere(plan, _pruned)


def _pruned(node: p.PlanNode) -> p.PlanNode:
    match node:
        case p.RulePlan(block=block) | p.PredicatePlan(block=block):
            return _with_block(node, block, _reached(block.steps))
        case p.Quantified(kind=kind, block=block):
            steps = block.steps if kind == "forall" else _reached(block.steps)
            return _with_block(node, block, steps)
        case _:
            return node


def _reached(steps: tuple[p.Step, ...]) -> tuple[p.Step, ...]:
    """The steps up to the first that never holds."""
    for number, step in enumerate(steps):
        match step:
            case p.Check(condition=p.Literal(value=value)) if not value:
                return steps[: number + 1]
            case _:
                pass
    return steps


def _with_block(
    node: p.RulePlan | p.PredicatePlan | p.Quantified, block: p.Block, steps: tuple[p.Step, ...]
) -> p.PlanNode:
    kept = tuple(step for step in steps if not _always_holds(step))
    if len(kept) == len(block.steps):
        return node
    return replace(node, block=replace(block, steps=kept))


def _always_holds(step: p.Step) -> bool:
    match step:
        case p.Check(condition=p.Literal(value=value)):
            return bool(value)
        case p.Check(condition=p.Declared()):
            return True
        case _:
            return False
