"""Constant folding: what only literals decide is decided here.

Left alone is what has no value (`1 < "a"` is an error of the rule), and a true side of `or` that
others follow: these are still looked at for their marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.compiler.passes.everywhere import everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}
_SUMS: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}


def fold_constants(plan: p.Plan) -> p.Plan:
    """The plan with literals for what only literals decide."""
    return everywhere(plan, _folded)


def _folded(node: p.PlanNode) -> p.PlanNode:
    match node:
        case p.Not(operand=p.Literal(value=value)):
            return _truth(node, not value)
        case p.Negative(operand=p.Literal(value=int() | float() as amount), positive=positive) if (
            not isinstance(amount, bool)
        ):
            return _number(node, amount if positive else -amount)
        case p.Cmp(operator=operator, left=p.Literal(value=left), right=p.Literal(value=right)):
            decided = _compared(operator, left, right)
            return node if decided is None else _truth(node, decided)
        case p.Arithmetic(
            operator=operator, left=p.Literal(value=left), right=p.Literal(value=right)
        ) if operator in _SUMS and _is_small(left) and _is_small(right):
            return _number(node, _SUMS[operator](left, right))  # type: ignore[arg-type]  # small numbers
        case p.And(operands=operands):
            return _conjunction(node, operands)
        case p.Or(operands=operands):
            return _disjunction(node, operands)
        case p.If(condition=p.Literal(value=value), then=then, otherwise=otherwise):
            return then if value else otherwise
        case _:
            return node


def _truth(node: p.PlanNode, value: bool) -> p.Literal:
    return p.Literal(value, span=node.span, type=ts.BOOL)


def _number(node: p.PlanNode, value: int | float) -> p.Literal:
    kind = ts.INT if isinstance(value, int) else ts.FLOAT
    return p.Literal(value, span=node.span, type=kind)


def _is_small(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**26


def _compared(operator: str, left: object, right: object) -> bool | None:
    """Whether a comparison of literals holds; None where it has no value, or is not decided
    here."""
    match operator:
        case "==":
            return left == right
        case "!=":
            return left != right
        case "is" if right is None or isinstance(right, bool):
            return left is right
        case "<" | "<=" | ">" | ">=":
            if left is None or right is None:
                return False
            are_numbers = isinstance(left, int | float) and isinstance(right, int | float)
            if are_numbers or (isinstance(left, str) and isinstance(right, str)):
                return _ORDERS[operator](left, right)
            return None
        case _:
            return None


def _conjunction(node: p.And, operands: tuple[p.Expr, ...]) -> p.Expr:
    """`and` up to the first side that is always false, without those that are always true."""
    kept: list[p.Expr] = []
    for number, operand in enumerate(operands):
        is_last = number == len(operands) - 1
        if isinstance(operand, p.Literal) and operand.value and not is_last:
            continue
        kept.append(operand)
        if isinstance(operand, p.Literal) and not operand.value:
            break
    return _joined(node, kept)


def _disjunction(node: p.Or, operands: tuple[p.Expr, ...]) -> p.Expr:
    """`or` without the sides that are always false; the last one is its value."""
    last = len(operands) - 1
    kept = [
        operand
        for number, operand in enumerate(operands)
        if number == last or not isinstance(operand, p.Literal) or operand.value
    ]
    return _joined(node, kept)


def _joined(node: p.And | p.Or, operands: list[p.Expr]) -> p.Expr:
    if len(operands) == len(node.operands):
        return node
    if len(operands) == 1:
        return operands[0]
    return type(node)(tuple(operands), span=node.span, type=node.type)
