"""Roles that no message has, and roles that the kind of event at hand never has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.spelling import closest
from policyc.compiler.typesystem import MESSAGE, TOOL_OUTPUT, present
from policyc.grammar.nodes import ListLiteral, Member, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.compiler.typesystem import Type
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.nodes import Expr

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""The roles of the message format."""

_MEANT = {
    "human": "user",
    "customer": "user",
    "ai": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "agent": "assistant",
    "llm": "assistant",
    "tool_call": "assistant",
    "tool_output": "tool",
    "tool_result": "tool",
}


def check(context: LintContext) -> Iterator[Diagnostic]:
    for link in context.links:
        if link.operator not in ("==", "!=", "in", "not in"):
            continue
        for role, other in ((link.left, link.right), (link.right, link.left)):
            owner = _owner_of_role(context, role)
            if owner is not None:
                yield from _literals(context, owner, other, link.operator)


def _owner_of_role(context: LintContext, node: Expr) -> Type | None:
    if isinstance(node, Member) and node.name.text == "role":
        owner = present(context.type_of(node.value))
        if owner in (MESSAGE, TOOL_OUTPUT):
            return owner
    return None


def _literals(context: LintContext, owner: Type, node: Expr, operator: str) -> Iterator[Diagnostic]:
    value = context.meant(node)
    roles = value.items if isinstance(value, ListLiteral) else (value,)
    if isinstance(value, String) and operator in ("in", "not in"):
        return  # a piece of a text, not a role
    for role in roles:
        if not isinstance(role, String):
            continue
        if role.value not in ROLES:
            near = closest(role.value, ROLES) or _MEANT.get(role.value.lower())
            yield context.warn(
                "W0713",
                role.span,
                f"no message has the role `{role.value}`",
                f"did you mean `{near}`?" if near else f"the roles are {', '.join(ROLES)}",
            )
        elif operator == "==" and (role.value == "tool") != (owner == TOOL_OUTPUT):
            yield context.warn(
                "W0710",
                role.span,
                f"the role of a `{owner}` is never `{role.value}`",
                "what a tool answered is a `ToolOutput`: declare `(o: ToolOutput)`"
                if owner == MESSAGE
                else "what others say is a `Message`: declare `(m: Message)`",
            )
