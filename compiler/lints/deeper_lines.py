"""Lines that are indented deeper than their block without opening one: they belong to the block all
the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.source import Span


def check(context: LintContext) -> Iterator[Diagnostic]:
    for body in context.bodies:
        depth: int | None = None
        for line in body.lines:
            column = _depth(context, line.span)
            if column is None:
                continue
            if depth is None:
                depth = column
            elif column > depth:
                yield context.warn(
                    "W0718",
                    line.span,
                    "this line is deeper than the lines above, and nothing opened a block",
                    "give it the indentation of the line above",
                )


def _depth(context: LintContext, span: Span) -> int | None:
    """The column of the text of a line; None if something else stands before it."""
    position = context.source.position(span.start)
    before = context.source.line(position.line)[: position.column - 1].expandtabs(8)
    return len(before) - len(before.lstrip()) if not before.strip(" \t(") else None
