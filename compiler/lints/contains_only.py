"""`a contains_only b` asks whether every element of `b` occurs in `a`, which is the reverse of how
it reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic


def check(context: LintContext) -> Iterator[Diagnostic]:
    for link in context.links:
        if link.operator == "contains_only":
            left, right = context.written(link.left), context.written(link.right)
            yield context.warn(
                "W0717",
                link.comparison.operator_span,
                f"this asks whether every element of `{right}` occurs in `{left}`",
                f"write `subset({right}, {left})` for that, or `only({left}, {right})` if "
                "nothing else may occur",
            )
