"""`x is tool:send` where `x` is neither a call nor an output: the answer is always no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.typesystem import (
    FUNCTION,
    MESSAGE,
    TOOL_CALL,
    TOOL_OUTPUT,
    TOOL_PATTERN,
    family,
    present,
)
from policyc.compiler.wording import a
from policyc.grammar.nodes import Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import Link, LintContext
    from policyc.compiler.typesystem import Type
    from policyc.grammar.diagnostics import Diagnostic


def check(context: LintContext) -> Iterator[Diagnostic]:
    for link in context.links:
        if link.operator not in ("is", "is not"):
            continue
        type_ = present(context.type_of(link.left))
        if context.type_of(link.right) is not TOOL_PATTERN or type_ in (TOOL_CALL, TOOL_OUTPUT):
            continue
        if family(type_) is not None:
            yield context.warn(
                "W0726",
                link.span,
                f"`{context.written(link.left)}` is {a(type_)}, and tool patterns match only calls "
                "and outputs",
                _advice(context, link, type_),
            )


def _advice(context: LintContext, link: Link, type_: Type) -> str:
    if type_ == MESSAGE:
        return f"declare a call: `(c: ToolCall)`, and write `c is {context.written(link.right)}`"
    node = link.left
    while isinstance(node, Member):
        node = node.value
        if context.type_of(node) in (TOOL_CALL, TOOL_OUTPUT):
            return f"write `{context.written(node)} is {context.written(link.right)}`"
    return "write a `ToolCall` or a `ToolOutput` on the left" + (
        "; this is a part of one" if type_ == FUNCTION else ""
    )
