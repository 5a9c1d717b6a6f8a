"""What a rule means, as a text that is the same for rules that provably find the same.

The plan is simplified by the passes of the compiler first. Then what can be written in several ways
is written in one: `!=` as the negation of `==`, bounds that exclude nothing as none, regular
expressions by what `policyc.compiler.patterns` reads in them. Two different texts prove nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler.passes.everywhere import everywhere
from policyc.compiler.passes.registry import simplified
from policyc.compiler.patterns_meaning import meaning
from policyc.compiler.signatures import FunctionKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.compiler.signatures import Signature


class Meanings:
    """The meanings of the rules of a policy and of its mutants."""

    def __init__(self, base: p.Plan) -> None:
        self.base = base
        self.known: dict[int, str] = {}

    def of(self, plan: p.Plan, rules: Sequence[int]) -> tuple[str, ...]:
        """A digest of each of some rules, with its number."""
        if plan is self.base:
            for number in rules:
                if number not in self.known:
                    self.known[number] = _digest(plan, number)
            return tuple(self.known[number] for number in rules)
        return tuple(_digest(plan, number) for number in rules)


def _digest(plan: p.Plan, number: int) -> str:
    rule = plan.rules[number]
    alone = simplified(everywhere(_needed(plan, rule), _in_one_way))
    text = repr(_Writer(alone).rule(alone.rules[0]))
    return f"{number} {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _in_one_way(node: p.PlanNode) -> p.PlanNode:
    """`a != b` as `not a == b`."""
    if isinstance(node, p.Cmp) and node.operator == "!=":
        return p.Not(replace(node, operator="=="), span=node.span, type=node.type)
    return node


def _needed(plan: p.Plan, rule: p.RulePlan) -> p.Plan:
    """The plan of one rule; what it does not use of predicates and constants is emptied, so that
    nothing is done to it."""
    used: set[tuple[str, int]] = set()
    stack: list[p.PlanNode] = [rule]
    while stack:
        for node in p.walk(stack.pop()):
            if isinstance(node, p.CallPredicate) and ("p", node.index) not in used:
                used.add(("p", node.index))
                stack.append(plan.predicates[node.index])
            elif isinstance(node, p.ConstantRef) and ("c", node.index) not in used:
                used.add(("c", node.index))
                stack.append(plan.constants[node.index])
    return p.Plan(
        (rule,),
        tuple(
            x if ("p", at) in used else p.PredicatePlan(x.name, (), p.Block(()))
            for at, x in enumerate(plan.predicates)
        ),
        tuple(
            x if ("c", at) in used else p.ConstantPlan(x.name, p.Literal(None))
            for at, x in enumerate(plan.constants)
        ),
        plan.sources,
    )


class _Writer:
    """Writes the nodes of one plan as nested tuples."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan

    def rule(self, rule: p.RulePlan) -> Any:
        return (self.of(rule.value), self.of(rule.block), rule.risk, rule.parameters)

    def of(self, value: Any) -> Any:
        """A node, or what a node holds."""
        if isinstance(value, tuple):
            return tuple(self.of(item) for item in value)
        if not isinstance(value, p.PlanNode | p.PatternValue):
            return self._plain(value)
        match value:
            case p.CallPredicate(index=index, args=args):
                predicate = self.plan.predicates[index]
                body = self.of(predicate.block)
                return ("CallPredicate", predicate.parameters, body, self.of(args))
            case p.ConstantRef(index=index):
                return self.of(self.plan.constants[index].value)
            case p.And(operands=operands):
                return ("And", *(self.of(x) for x in _flat(operands)))
            case p.Quantified(kind="count", block=block, minimum=minimum, maximum=maximum):
                least = None if _is_nothing(minimum) else self.of(minimum)
                return ("count", self.of(block), least, self.of(maximum))
            case p.TextPattern(text=text):
                return ("TextPattern", meaning(text, "value"))
            case p.MatchTool(name=name, wildcard=wildcard):
                value = replace(value, wildcard=wildcard and "*" in name)
            case p.CallFunction(signature=signature, args=(p.Literal(value=str() as text), *rest)):
                if signature.kind is FunctionKind.SPECIAL and signature.name in ("find", "match"):
                    read = meaning(text, "find" if signature.name == "find" else "match")
                    return (signature.name, read, self.of(tuple(rest)), self.of(value.keywords))
            case _:
                pass
        names = value.__match_args__ if isinstance(value, p.PlanNode) else ("subject", "test")
        return (type(value).__name__, *(self.of(getattr(value, name)) for name in names))

    def _plain(self, value: Any) -> Any:
        implementation: Signature | None = value if hasattr(value, "implementation") else None
        if implementation is not None:
            return (implementation.name, implementation.implementation)
        # `1`, `1.0` and `True` are equal, but not the same.
        return (type(value).__name__, str(value))


def _flat(operands: tuple[p.Expr, ...]) -> tuple[p.Expr, ...]:
    """The sides of an `and`, those of an `and` among them too."""
    return tuple(
        inner
        for operand in operands
        for inner in (_flat(operand.operands) if isinstance(operand, p.And) else (operand,))
    )


def _is_nothing(minimum: p.Expr | None) -> bool:
    """Whether a lower bound excludes nothing."""
    match minimum:
        case None:
            return True
        case p.Literal(value=int() | float() as value) if not isinstance(value, bool):
            return value <= 0
        case _:
            return False
