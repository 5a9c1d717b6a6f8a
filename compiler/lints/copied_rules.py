"""Rules with the same conditions as a rule above, and conditions that are written twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.lints.context import conjuncts
from policyc.grammar.diagnostics import Label
from policyc.grammar.nodes import (
    Assign,
    BoolOp,
    Constant,
    DerivedVariable,
    FString,
    Number,
    Quantifier,
    String,
    TypedVariable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.nodes import Expr, Line, Rule

_NO_CONDITION = (TypedVariable, DerivedVariable, Constant, Number, String, FString, Quantifier)


def check(context: LintContext) -> Iterator[Diagnostic]:
    if context.is_complete:
        yield from _rules(context)
    for body in context.bodies:
        yield from _repeated(context, conjuncts(body.lines))
    for node in context.nodes(BoolOp):
        if node.operator == "or":
            yield from _repeated(context, node.operands)


def _rules(context: LintContext) -> Iterator[Diagnostic]:
    first: dict[tuple[Line, ...], Rule] = {}
    for rule in context.rules:
        if all(isinstance(line, (*_NO_CONDITION, Assign)) for line in rule.body):
            continue
        earlier = first.setdefault(rule.body, rule)
        if earlier is not rule:
            line = context.source.position(earlier.span.start).line
            yield context.warn(
                "W0714",
                rule.value.span,
                f"this rule has the same conditions as the rule on line {line}",
                "change the conditions that were to differ, or remove one of the rules",
                labels=[Label(earlier.value.span, "the same conditions")],
            )


def _repeated(context: LintContext, conditions: Iterable[Expr]) -> Iterator[Diagnostic]:
    first: dict[Expr, Expr] = {}
    for condition in conditions:
        if isinstance(condition, _NO_CONDITION):
            continue
        earlier = first.setdefault(condition, condition)
        if earlier is not condition and context.is_steady(condition):
            yield context.warn(
                "W0715",
                condition.span,
                f"`{context.written(condition)}` is written twice",
                "change one of the two, or remove it",
                labels=[Label(earlier.span, "written here first")],
            )
