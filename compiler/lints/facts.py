"""What a single condition says about one value: which values it may have, may not have, and its
bounds.

`contradictions` puts the facts of several conditions together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyc.compiler.lints.context import Link, links_of
from policyc.compiler.typesystem import TOOL_CALL, TOOL_OUTPUT
from policyc.grammar.nodes import (
    Compare,
    Constant,
    ListLiteral,
    Member,
    Number,
    String,
    ToolPattern,
    Unary,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.nodes import Expr

Value = str | int | float | bool | None

_NEGATED = {
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ORDERINGS = frozenset(_FLIPPED)


@dataclass(frozen=True, slots=True)
class Fact:
    """`subject` identifies the value, `node` is the condition that says it.

    Either `allowed`, or `excluded`, or a bound (`operator` and `limit`) is given.
    """

    subject: Hashable
    node: Expr
    allowed: tuple[Value, ...] | None = None
    excluded: tuple[Value, ...] = ()
    operator: str | None = None
    limit: float = 0


def facts_of(context: LintContext, condition: Expr) -> Iterator[Fact]:
    """What holds when the condition holds. Chains say something with each link.

    Whether the condition is the same each time it is asked is for the caller to find out.
    """
    node, is_negated = condition, False
    while isinstance(node, Unary) and node.operator == "not":
        node, is_negated = node.operand, not is_negated
    if isinstance(node, Compare) and (len(node.rest) == 1 or not is_negated):
        for link in links_of(node):
            fact = _of_link(context, link, condition, is_negated=is_negated)
            if fact is not None:
                yield fact
    else:
        yield Fact(("truth", node), condition, allowed=(not is_negated,))


def _of_link(context: LintContext, link: Link, condition: Expr, *, is_negated: bool) -> Fact | None:
    operator = link.operator
    if is_negated:
        if operator not in _NEGATED:
            return None
        operator = _NEGATED[operator]
    if operator in ("is", "is not") and isinstance(link.right, ToolPattern):
        return _of_pattern(context, link, operator, link.right, condition)
    subject, other = link.left, link.right
    if _literal(context, subject) is not None:
        if operator in ("in", "not in"):
            return _of_two_values(link, operator, condition)
        subject, other = other, subject
        operator = _FLIPPED.get(operator, operator)
    if _literal(context, subject) is not None:
        return None
    key = _key(context, subject)
    if operator in _ORDERINGS:
        number = _literal(context, other)
        if number is None or isinstance(number[0], str | bool | None):
            return None
        return Fact(key, condition, operator=operator, limit=number[0])
    values = _values(context, operator, other)
    if values is None:
        return _of_two_values(link, operator, condition)
    if operator in ("==", "in", "is"):
        return Fact(key, condition, allowed=values)
    return Fact(key, condition, excluded=values)


def _of_two_values(link: Link, operator: str, condition: Expr) -> Fact | None:
    """`a == b` against `a != b`, when neither is a literal."""
    if operator not in _NEGATED:
        return None
    is_positive = operator in ("==", "in", "is")
    asked = operator if is_positive else _NEGATED[operator]
    return Fact(("both", link.left, asked, link.right), condition, allowed=(is_positive,))


def _of_pattern(
    context: LintContext, link: Link, operator: str, pattern: ToolPattern, condition: Expr
) -> Fact | None:
    is_exact = pattern.quoted or "*" not in pattern.name
    if context.type_of(link.left) not in (TOOL_CALL, TOOL_OUTPUT) or not is_exact:
        return None
    subject = ("tool", link.left)
    if operator == "is":
        return Fact(subject, condition, allowed=(pattern.name,))
    if pattern.arguments is not None:
        return None  # another call of the same tool is possible
    return Fact(subject, condition, excluded=(pattern.name,))


def _key(context: LintContext, node: Expr) -> Hashable:
    """`c.function.name` is what `c is tool:name` asks about too."""
    if isinstance(node, Member) and node.name.text == "name":
        function = node.value
        if isinstance(function, Member) and context.type_of(function.value) is TOOL_CALL:
            return ("tool", function.value)
    return ("value", node)


def _values(context: LintContext, operator: str, node: Expr) -> tuple[Value, ...] | None:
    """The values that a comparison names, or None if they are not spelt out."""
    if operator in ("in", "not in"):
        listing = context.meant(node)
        if not isinstance(listing, ListLiteral):
            return None
        found = [_literal(context, item) for item in listing.items]
        values = tuple(value[0] for value in found if value is not None)
        return values if len(values) == len(found) else None
    literal = _literal(context, node)
    return (literal[0],) if literal is not None else None


def _literal(context: LintContext, node: Expr) -> tuple[Value] | None:
    """A literal's value, in a tuple because None is a value too."""
    node = context.meant(node)
    if isinstance(node, String | Number | Constant):
        return (node.value,)
    if isinstance(node, Unary) and node.operator == "-" and isinstance(node.operand, Number):
        return (-node.operand.value,)
    return None
