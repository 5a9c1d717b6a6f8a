"""Comparisons of values that are never equal, such as a text with a number or an object with a
text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.typesystem import (
    FUNCTION,
    MESSAGE,
    TEXT_CHUNK,
    TOOL_CALL,
    TOOL_OUTPUT,
    family,
    present,
)
from policyc.compiler.wording import a

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import Link, LintContext
    from policyc.compiler.typesystem import Type
    from policyc.grammar.diagnostics import Diagnostic

_TEXT_OF = {
    MESSAGE: "{x}.content",
    TOOL_OUTPUT: "{x}.content",
    TOOL_CALL: "{x}.function.name",
    FUNCTION: "{x}.name",
    TEXT_CHUNK: "{x}.text",
}


def check(context: LintContext) -> Iterator[Diagnostic]:
    for link in context.links:
        left, right = context.type_of(link.left), context.type_of(link.right)
        if link.operator in ("in", "not in"):
            element = present(right).element
            if element is None or family(left) == "list":
                continue  # a list on the left of `in` stands for its elements
            right = element
        elif link.operator not in ("==", "!="):
            continue
        if _never_equal(left, right):
            yield context.warn(
                "W0707",
                link.span,
                f"{a(left)} and {a(right)} are never equal",
                _advice(context, link, left, right),
            )


def _never_equal(left: Type, right: Type) -> bool:
    kinds = family(left), family(right)
    if None in kinds:
        return False
    return kinds[0] != kinds[1] or (kinds[0] == "object" and present(left) != present(right))


def _advice(context: LintContext, link: Link, left: Type, right: Type) -> str:
    kinds = {family(left), family(right)}
    for node, type_ in ((link.left, left), (link.right, right)):
        member = _TEXT_OF.get(present(type_))
        if member and "text" in kinds:
            return f"compare its text: `{member.replace('{x}', context.written(node))}`"
    if kinds == {"list", "number"}:
        return "compare its length: `len(x)`"
    if kinds == {"text", "number"}:
        return "write both as texts or both as numbers"
    return "compare values of the same kind"
