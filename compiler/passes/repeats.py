"""Repeated conditions: one that a block, an `and` or an `or` has asked before is left out.

The second answer is the first, unless a function may answer differently or do something when it is
called.
"""

from __future__ import annotations

from dataclasses import replace

from policyc.compiler import plan as p
from policyc.compiler.passes.everywhere import everywhere


def remove_repeats(plan: p.Plan) -> p.Plan:
    """The plan with each condition asked once."""
    steady = _Steady(plan)

    def once(node: p.PlanNode) -> p.PlanNode:
        match node:
            case p.Block(steps=steps):
                kept = _once_in_block(steps, steady)
                return node if len(kept) == len(steps) else replace(node, steps=kept)
            case p.And(operands=operands) | p.Or(operands=operands):
                return _once_in_operands(node, operands, steady)
            case _:
                return node

    return everywhere(plan, once)


def _once_in_block(steps: tuple[p.Step, ...], steady: _Steady) -> tuple[p.Step, ...]:
    asked: set[str] = set()
    kept = []
    for step in steps:
        if isinstance(step, p.Check):
            written = repr(step.condition)
            if written in asked:
                continue
            if steady(step.condition):
                asked.add(written)
        kept.append(step)
    return tuple(kept)


def _once_in_operands(
    node: p.And | p.Or, operands: tuple[p.Expr, ...], steady: _Steady
) -> p.PlanNode:
    """The sides, each once; but the last one is the value, unless one before it decides."""
    asked: set[str] = set()
    kept: list[p.Expr] = []
    before = ""
    for number, operand in enumerate(operands):
        # Not the nodes themselves: `1` and `True` are equal there.
        written = repr(operand)
        is_last = number == len(operands) - 1
        if written in asked and (not is_last or written == before):
            continue
        if steady(operand):
            asked.add(written)
        kept.append(operand)
        before = written
    if len(kept) == len(operands):
        return node
    return kept[0] if len(kept) == 1 else replace(node, operands=tuple(kept))


class _Steady:
    """Whether an expression has the same value, and nothing else happens, when it is evaluated
    again."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.known: dict[tuple[str, int], bool] = {}

    def __call__(self, node: p.PlanNode) -> bool:
        return all(self._is_steady(x) for x in p.walk(node))

    def _is_steady(self, node: p.PlanNode) -> bool:
        match node:
            case p.CallFunction(signature=signature) | p.FunctionRef(signature=signature):
                return signature.deterministic
            case p.DetectorPattern(signature=signature):
                return signature.deterministic
            case p.CallPredicate(index=index):
                return self._declared("predicate", index, self.plan.predicates[index])
            case p.ConstantRef(index=index):
                return self._declared("constant", index, self.plan.constants[index])
            case _:
                return True

    def _declared(self, kind: str, index: int, declared: p.PlanNode) -> bool:
        key = (kind, index)
        if key not in self.known:
            self.known[key] = self(declared)
        return self.known[key]
