"""Conditions that cannot hold together, and alternatives of which one always holds.

Only conditions about the same value count: `m.role == "user"` and `m.role == "tool"`, two tools for
one call, bounds that leave nothing, a condition and its negation.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from policyc.compiler.lints.context import conjuncts
from policyc.compiler.lints.facts import facts_of
from policyc.grammar.diagnostics import Label
from policyc.grammar.nodes import BoolOp, Call, Compare, Name, Quantifier, TypedVariable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.compiler.lints.facts import Fact, Value
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.nodes import Expr

_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MOST_FACTS = 60


def check(context: LintContext) -> Iterator[Diagnostic]:
    for body in context.bodies:
        yield from _together(context, conjuncts(body.lines))
    in_bodies = {
        line.uid for body in context.bodies for line in body.lines if isinstance(line, BoolOp)
    }
    for node in context.nodes(BoolOp):
        if node.operator == "or":
            yield from _alternatives(context, node)
        elif node.uid not in in_bodies:
            yield from _together(context, node.operands)
    for chain in context.nodes(Compare):
        if len(chain.rest) > 1:
            yield from _together(context, [chain])


def _together(context: LintContext, conditions: Iterable[Expr]) -> Iterator[Diagnostic]:
    by_subject: dict[Hashable, list[Fact]] = {}
    for condition in conditions:
        if isinstance(condition, TypedVariable | Quantifier):
            continue
        for fact in facts_of(context, condition):
            if _is_negative_length(context, fact):
                yield _warn_of_length(context, condition)
                continue
            facts = by_subject.setdefault(fact.subject, [])
            facts.append(fact)
            if 1 < len(facts) <= _MOST_FACTS and not _is_possible(facts):
                earlier = next(
                    (one for one in facts[:-1] if not _is_possible([one, fact])), facts[0]
                )
                facts.pop()
                if context.is_steady(fact.node) and context.is_steady(earlier.node):
                    yield _warn(context, fact, earlier)


def _warn(context: LintContext, fact: Fact, earlier: Fact) -> Diagnostic:
    shown = context.written(fact.node)
    if fact.node is earlier.node:
        return context.warn(
            "W0709", fact.node.span, f"`{shown}` is never true", "change one of its two sides"
        )
    return context.warn(
        "W0709",
        fact.node.span,
        f"`{shown}` is never true together with `{context.written(earlier.node)}`",
        "write the two as alternatives with `or`, or in two rules",
        labels=[Label(earlier.node.span, "excludes it")],
    )


def _warn_of_length(context: LintContext, condition: Expr) -> Diagnostic:
    return context.warn(
        "W0705",
        condition.span,
        f"`{context.written(condition)}` is always false: no length is negative",
        "write `len(x) == 0` for what is empty",
    )


def _is_possible(facts: list[Fact]) -> bool:
    """Whether some value fits all the facts."""
    sets = [fact.allowed for fact in facts if fact.allowed is not None]
    bounds = [fact for fact in facts if fact.operator is not None]
    if sets:
        excluded = [value for fact in facts for value in fact.excluded]
        return any(
            all(value in allowed for allowed in sets)
            and value not in excluded
            and all(_fits(value, bound) for bound in bounds)
            for value in sets[0]
        )
    return all(_meet(one, other) for one in bounds for other in bounds)


def _fits(value: Value, bound: Fact) -> bool:
    if not isinstance(value, int | float):
        return value is not None  # comparing a text with a number fails; that is said elsewhere
    return bound.operator is None or bool(_COMPARE[bound.operator](value, bound.limit))


def _meet(one: Fact, other: Fact) -> bool:
    """Whether a lower and an upper bound leave something between them."""
    if one.operator in ("<", "<=") or other.operator in (">", ">="):
        return True
    if one.operator == ">=" and other.operator == "<=":
        return one.limit <= other.limit
    return one.limit < other.limit


def _is_negative_length(context: LintContext, fact: Fact) -> bool:
    subject = fact.subject
    if not isinstance(subject, tuple) or not isinstance(subject[1], Call):
        return False
    function = subject[1].function
    symbol = context.symbol(function)
    is_length = (
        isinstance(function, Name)
        and symbol is not None
        and symbol.signature is context.catalogue.builtins.get("len")
        and symbol.signature is not None
    )
    if not is_length:
        return False
    if fact.allowed is not None:
        return all(isinstance(value, int) and value < 0 for value in fact.allowed)
    return (fact.operator == "<" and fact.limit <= 0) or (fact.operator == "<=" and fact.limit < 0)


def _alternatives(context: LintContext, node: BoolOp) -> Iterator[Diagnostic]:
    """`x != "a" or x != "b"`: whatever x is, it is not one of the two."""
    by_subject: dict[Hashable, list[Fact]] = {}
    for operand in node.operands:
        facts = list(facts_of(context, operand))
        if len(facts) != 1:
            continue
        fact = facts[0]
        for earlier in by_subject.setdefault(fact.subject, [])[:_MOST_FACTS]:
            if _cover_everything(earlier, fact) and context.is_steady(node):
                yield context.warn(
                    "W0728",
                    earlier.node.span.to(fact.node.span),
                    f"one of `{context.written(earlier.node)}` and "
                    f"`{context.written(fact.node)}` always holds",
                    "write `and` between them if both must hold",
                )
                break
        by_subject[fact.subject].append(fact)


def _cover_everything(one: Fact, other: Fact) -> bool:
    if one.excluded and other.excluded:
        return not any(value in other.excluded for value in one.excluded)
    for left, right in ((one, other), (other, one)):
        if left.allowed is not None and right.excluded:
            return all(value in left.allowed for value in right.excluded)
    if one.allowed is not None and other.allowed is not None:
        return sorted(map(repr, (*one.allowed, *other.allowed))) == ["False", "True"] and (
            isinstance(one.subject, tuple) and one.subject[0] in ("truth", "both")
        )
    return False
