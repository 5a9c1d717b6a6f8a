"""A value compared with itself: the answer is always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar.nodes import Constant, Name, Number, String, TypedVariable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import Link, LintContext
    from policyc.grammar.diagnostics import Diagnostic

_FLOWS = ("->", "~>")


def check(context: LintContext) -> Iterator[Diagnostic]:
    for link in context.links:
        if isinstance(link.left, String | Number | Constant) or not _is_same(link):
            continue
        if not context.is_steady(link.left):
            continue
        yield context.warn(
            "W0711",
            link.span,
            f"`{context.written(link.right)}` stands on both sides of `{link.operator}`",
            "nothing comes before itself; declare a second variable"
            if link.operator in _FLOWS
            else "compare it with another value",
        )


def _is_same(link: Link) -> bool:
    if isinstance(link.left, TypedVariable) and isinstance(link.right, Name):
        return link.operator in _FLOWS and link.left.name.text == link.right.text
    return link.left == link.right
