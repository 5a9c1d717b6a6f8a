"""`is` between plain values. It asks about calls (`c is tool:send`), `None`, `True` and `False`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.typesystem import TOOL_PATTERN, family
from policyc.grammar.nodes import Constant, FString, ListLiteral, Number, ObjectLiteral, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.nodes import Expr


def check(context: LintContext) -> Iterator[Diagnostic]:
    for link in context.links:
        if link.operator not in ("is", "is not"):
            continue
        if isinstance(link.right, Constant) or context.type_of(link.right) is TOOL_PATTERN:
            continue
        if _is_plain(context, link.right) or _is_plain(context, link.left):
            equal = "==" if link.operator == "is" else "!="
            shown = f"{context.written(link.left)} {equal} {context.written(link.right)}"
            yield context.warn(
                "W0708",
                link.span,
                f"`{link.operator}` compares plain values as `{equal}` does",
                f"write `{shown}`",
            )


def _is_plain(context: LintContext, node: Expr) -> bool:
    if isinstance(node, String | FString | Number | ListLiteral | ObjectLiteral):
        return True
    return family(context.type_of(node)) in ("text", "number")
