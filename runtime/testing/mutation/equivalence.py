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
    from policyc.compiler.signatures import Signature


def meaning_of(plan: p.Plan, rule: p.RulePlan) -> str:
    """A digest of what a rule of a plan means, with its number."""
    alone = simplified(everywhere(_alone(plan, rule), _in_one_way))
    text = repr(_Writer(alone).rule(alone.rules[0]))
    return f"{rule.index} {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _in_one_way(node: p.PlanNode) -> p.PlanNode:
    """`a != b` as `not a == b`."""
    if isinstance(node, p.Cmp) and node.operator == "!=":
        return p.Not(replace(node, operator="=="), span=node.span, type=node.type)
    return node


def _alone(plan: p.Plan, rule: p.RulePlan) -> p.Plan:
    """The plan of one rule with the predicates and constants that it uses."""
    predicates: dict[int, p.PredicatePlan] = {}
    constants: dict[int, p.ConstantPlan] = {}
    stack: list[p.PlanNode] = [rule]
    while stack:
        for node in p.walk(stack.pop()):
            if isinstance(node, p.CallPredicate) and node.index not in predicates:
                predicates[node.index] = plan.predicates[node.index]
                stack.append(plan.predicates[node.index])
            elif isinstance(node, p.ConstantRef) and node.index not in constants:
                constants[node.index] = plan.constants[node.index]
                stack.append(plan.constants[node.index])
    places = {index: place for place, index in enumerate(predicates)}
    spots = {index: place for place, index in enumerate(constants)}

    def move(node: p.PlanNode) -> p.PlanNode:
        match node:
            case p.CallPredicate(index=index):
                return replace(node, index=places[index])
            case p.ConstantRef(index=index):
                return replace(node, index=spots[index])
            case _:
                return node

    whole = p.Plan((rule,), tuple(predicates.values()), tuple(constants.values()), plan.sources)
    return everywhere(whole, move)


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
