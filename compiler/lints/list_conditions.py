"""Lists of truth values where one truth value is wanted: `["a", "b"] in x`, `[c == 1 for c in xs]`.

A list counts as true as soon as it has elements, whatever they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.typesystem import BOOL, list_of
from policyc.grammar.nodes import ListLiteral

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic

_TRUTH_VALUES = list_of(BOOL)


def check(context: LintContext) -> Iterator[Diagnostic]:
    for condition in context.conditions:
        if context.type_of(condition) == _TRUTH_VALUES and not isinstance(condition, ListLiteral):
            shown = context.written(condition)
            yield context.warn(
                "W0706",
                condition.span,
                "this is a list of answers, and a list is true unless it is empty",
                f"write `any({shown})` or `all({shown})`",
            )
