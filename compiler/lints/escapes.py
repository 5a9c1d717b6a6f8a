r"""`"\n"` in a text that is compared literally: it is a backslash and an n, not the end of a line.

In a pattern it makes no difference, so that nothing is said there, and a raw text says what it
means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar.nodes import Call, ListLiteral, Member, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.nodes import Expr

_ESCAPES = (r"\n", r"\t", r"\r")
_LITERAL_METHODS = frozenset(
    {"split", "startswith", "endswith", "replace", "count", "strip", "join"}
)


def check(context: LintContext) -> Iterator[Diagnostic]:
    for link in context.links:
        if link.operator in ("==", "!=", "in", "not in"):
            yield from _text(context, link.left)
            if link.operator in ("==", "!=") or isinstance(link.right, ListLiteral):
                yield from _text(context, link.right)
    for call in context.nodes(Call):
        function = call.function
        if not isinstance(function, Member) or context.symbol(function) is not None:
            continue  # no method of a value
        if function.name.text in _LITERAL_METHODS:
            for argument in (function.value, *call.args):
                yield from _text(context, argument)


def _text(context: LintContext, node: Expr) -> Iterator[Diagnostic]:
    texts = node.items if isinstance(node, ListLiteral) else (node,)
    for text in texts:
        if not isinstance(text, String) or text.raw:
            continue
        found = next((escape for escape in _ESCAPES if escape in text.value), None)
        if found is not None:
            yield context.warn(
                "W0716",
                text.span,
                f"`{found}` in a text is a backslash and a letter",
                f'look for it with a pattern, `find("{found}", x)`, or write `r"..."` if the '
                "backslash is meant",
            )
