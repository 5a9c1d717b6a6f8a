"""Variables that no condition looks at: the rule then reports once for every object of their type.

A rule whose only line is the variable means just that. So does a block of `count` with one
variable, and a predicate that asks whether there is such an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.lints.context import conjuncts
from policyc.compiler.typesystem import ERROR
from policyc.compiler.wording import a
from policyc.grammar.nodes import Quantifier, Rule, TypedVariable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import Body, LintContext
    from policyc.grammar.diagnostics import Diagnostic


def check(context: LintContext) -> Iterator[Diagnostic]:
    if not context.is_complete:
        return
    for body in context.bodies:
        yield from _body(context, body)


def _body(context: LintContext, body: Body) -> Iterator[Diagnostic]:
    conditions = list(conjuncts(body.lines))
    variables = [node for node in conditions if isinstance(node, TypedVariable)]
    if isinstance(body.owner, Rule):
        is_meant = len(variables) == len(body.lines) == 1
    else:
        is_meant = len(variables) == 1 or not isinstance(body.owner, Quantifier)
    if is_meant:
        return
    for variable in variables:
        symbol = context.table.declared[variable.uid]
        if not context.is_unused(symbol) or symbol.type is ERROR:
            continue
        yield context.warn(
            "W0703",
            variable.span,
            f"no condition looks at `{symbol.name}`, so each finding counts again for every "
            f"`{variable.type.name}`",
            f"write a condition about `{symbol.name}`, remove the line, or call it "
            f"`_{symbol.name}` if {a(symbol.type)} just has to exist",
        )
