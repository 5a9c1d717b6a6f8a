"""`"x" in m` on a message or a call itself: an object has no elements, its text has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.typesystem import (
    FUNCTION,
    MESSAGE,
    TEXT_CHUNK,
    TOOL,
    TOOL_CALL,
    TOOL_OUTPUT,
    family,
    present,
)
from policyc.compiler.wording import a

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic

_CONTENT_OF = {
    MESSAGE: "content",
    TOOL_OUTPUT: "content",
    TOOL_CALL: "function.arguments",
    FUNCTION: "arguments",
    TEXT_CHUNK: "text",
    TOOL: "description",
}


def check(context: LintContext) -> Iterator[Diagnostic]:
    for link in context.links:
        type_ = context.type_of(link.right)
        if link.operator not in ("in", "not in") or family(type_) != "object":
            continue
        member = _CONTENT_OF.get(present(type_))
        shown = context.written(link.right)
        yield context.warn(
            "W0720",
            link.right.span,
            f"`{shown}` is {a(type_)}, and nothing is in it",
            f"look into `{shown}.{member}`" if member else "look into one of its members",
        )
