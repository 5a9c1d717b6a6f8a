"""Constants, predicates and imports with the name of a function, which then cannot be called any
more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.symbols import SymbolKind
from policyc.grammar.nodes import ConstantDeclaration, ImportFrom, Predicate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.compiler.symbols import Symbol
    from policyc.grammar.diagnostics import Diagnostic


def check(context: LintContext) -> Iterator[Diagnostic]:
    for symbol in _declared(context):
        if symbol.kind is SymbolKind.ERROR:
            continue
        for known, words in (
            (context.catalogue.host, "the function that the host passes"),
            (context.catalogue.builtins, "the built-in function"),
        ):
            hidden = known.get(symbol.name)
            if hidden is not None and hidden is not symbol.signature:
                yield context.warn(
                    "W0719",
                    symbol.span,
                    f"`{symbol.name}` hides {words} `{symbol.name}`",
                    "give it another name",
                )
                break


def _declared(context: LintContext) -> Iterator[Symbol]:
    for statement in context.tree.statements:
        if isinstance(statement, ConstantDeclaration | Predicate):
            yield context.table.declared[statement.uid]
        elif isinstance(statement, ImportFrom):
            for imported in statement.names:
                yield context.table.declared[imported.uid]
