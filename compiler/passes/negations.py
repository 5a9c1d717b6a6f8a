"""Double negation: `not not x` is `x` where only its truth counts, or where it is a truth value.

`not` before a quantifier has an effect of its own: what the block finds is not marked. So it stays.
"""

from __future__ import annotations

from dataclasses import replace

from policyc.compiler import plan as p
from policyc.compiler.passes.everywhere import everywhere


def remove_double_negations(plan: p.Plan) -> p.Plan:
    """The plan with each pair of `not` left out."""
    return everywhere(plan, _without)


def _without(node: p.PlanNode) -> p.PlanNode:
    match node:
        case p.Not(operand=p.Not(operand=inner)) if _is_truth_value(inner):
            return inner
        case p.Check(condition=condition) | p.If(condition=condition):
            return _with_condition(node, condition)
        case p.Map(condition=condition) if condition is not None:
            return _with_condition(node, condition)
        case p.Not(operand=p.Not(operand=p.Not(operand=inner))) if _is_free(inner):
            return replace(node, operand=inner)
        case _:
            return node


def _with_condition(node: p.Check | p.If | p.Map, condition: p.Expr) -> p.PlanNode:
    while isinstance(condition, p.Not) and isinstance(condition.operand, p.Not):
        if not _is_free(condition.operand.operand):
            break
        condition = condition.operand.operand
    if condition is node.condition:
        return node
    return replace(node, condition=condition)


def _is_free(inner: p.Expr) -> bool:
    return not isinstance(inner, p.Quantified)


def _is_truth_value(inner: p.Expr) -> bool:
    """Whether an expression is True or False, whatever it is evaluated on."""
    match inner:
        case p.Not() | p.Flow() | p.MatchTool() | p.CallPredicate() | p.Declared():
            return True
        case p.Cmp(operator=operator):
            # `in` with a list on its left gives a list.
            return operator != "in"
        case _:
            return False
