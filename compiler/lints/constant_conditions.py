"""Conditions that are always true or always false, whatever the trace.

The usual ones are `x == "a" or "b"`, where `"b"` is a condition of its own, and an object or a text
where one of its members was to be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.lints.context import conjuncts
from policyc.compiler.typesystem import MEMBERS
from policyc.compiler.wording import a
from policyc.grammar.diagnostics import Label
from policyc.grammar.nodes import (
    BoolOp,
    Call,
    Compare,
    Constant,
    FString,
    Index,
    ListLiteral,
    Member,
    Name,
    Number,
    ObjectLiteral,
    String,
    Unary,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.nodes import Expr, Line

_EQUALITIES = frozenset({"==", "!=", "is", "is not", "in", "not in"})


def check(context: LintContext) -> Iterator[Diagnostic]:
    explained = _alternatives(context)
    yield from explained.values()
    for condition in context.conditions:
        if condition.uid in explained or isinstance(condition, Unary):
            continue  # what stands behind a `not` is a condition too
        answer = always(context, condition)
        if answer is None:
            continue
        following = _unreached(context, condition) if answer is False else None
        yield context.warn(
            "W0705",
            condition.span,
            f"`{context.written(condition)}` is always {str(answer).lower()}"
            + (", so the rule never reports" if following is not None else ""),
            _advice(context, condition),
            labels=[Label(line.span, "never reached") for line in following or ()],
        )


def always(context: LintContext, node: Expr) -> bool | None:
    """The truth of a condition that does not depend on the trace; else None."""
    match node:
        case Constant() | Number() | String():
            return bool(node.value)
        case FString():
            return True if any(isinstance(part, String) for part in node.parts) else None
        case ListLiteral():
            return bool(node.items)
        case ObjectLiteral():
            return bool(node.entries)
        case Unary(operator="not"):
            inner = always(context, node.operand)
            return None if inner is None else not inner
        case Compare():
            return _comparison(node)
        case Name() | Member() | Index() | Call():
            # Objects are true; an element of a list may be absent, so its type is another one.
            return True if context.type_of(node).name in MEMBERS else None
        case _:
            return None


def _comparison(node: Compare) -> bool | None:
    """The truth of a comparison of two literals, as far as that is beyond doubt."""
    if len(node.rest) != 1 or node.rest[0].operator not in ("==", "!="):
        return None
    values = []
    for operand in (node.first, node.rest[0].right):
        if not isinstance(operand, String | Number | Constant):
            return None
        values.append(operand.value)
    is_equal = values[0] == values[1]
    return is_equal if node.rest[0].operator == "==" else not is_equal


def _alternatives(context: LintContext) -> dict[int, Diagnostic]:
    """`x == "a" or "b"`: the second text is no comparison."""
    found = {}
    for node in context.nodes(BoolOp):
        for before, operand in zip(node.operands, node.operands[1:], strict=False):
            if not isinstance(operand, String | Number) or not isinstance(before, Compare):
                continue
            link = before.rest[-1]
            if link.operator not in _EQUALITIES:
                continue
            subject = before.first if len(before.rest) == 1 else before.rest[-2].right
            if link.operator in ("in", "not in"):
                full = f"{context.written(operand)} {link.operator} {context.written(link.right)}"
            else:
                full = f"{context.written(subject)} {link.operator} {context.written(operand)}"
            found[operand.uid] = context.warn(
                "W0705",
                operand.span,
                f"`{context.written(operand)}` stands by itself here and is always true",
                f"write the whole comparison again: `{full}`",
            )
    return found


def _unreached(context: LintContext, condition: Expr) -> tuple[Line, ...] | None:
    """The line after a false condition that a rule needs; None if it needs no such condition."""
    for rule in context.rules:
        if rule.span.start <= condition.span.start < rule.span.end:
            for number, line in enumerate(rule.body):
                if any(part is condition for part in conjuncts([line])):
                    return rule.body[number + 1 : number + 2]
    return None


def _advice(context: LintContext, node: Expr) -> str:
    if isinstance(node, Constant | Compare):
        return "remove it, or write the condition that was meant"
    type_ = context.type_of(node)
    if type_.name in MEMBERS:
        return f"{a(type_)} is always there; compare one of its members"
    return "compare it with something, or remove the line"
