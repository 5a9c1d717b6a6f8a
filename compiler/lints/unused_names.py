"""Imports, constants, predicates and assigned names that nothing uses.

A name that starts with `_` is meant to be unused. A file without rules is not asked for uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.symbols import SymbolKind
from policyc.grammar.nodes import Assign, ConstantDeclaration, Import, ImportFrom, Predicate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic


def check(context: LintContext) -> Iterator[Diagnostic]:
    yield from _imports(context)
    if context.rules:
        yield from _declarations(context)
    yield from _assignments(context)


def _imports(context: LintContext) -> Iterator[Diagnostic]:
    for statement in context.tree.statements:
        uids = []
        if isinstance(statement, Import):
            uids = [statement.uid]
        elif isinstance(statement, ImportFrom):
            uids = [imported.uid for imported in statement.names]
        for uid in uids:
            symbol = context.table.declared[uid]
            if context.is_unused(symbol) and symbol.kind is not SymbolKind.ERROR:
                yield context.warn(
                    "W0701",
                    symbol.span,
                    f"`{symbol.name}` is imported and never used",
                    "remove it from the import",
                )


def _declarations(context: LintContext) -> Iterator[Diagnostic]:
    for statement in context.tree.statements:
        if isinstance(statement, ConstantDeclaration | Predicate):
            symbol = context.table.declared[statement.uid]
            if context.is_unused(symbol):
                yield context.warn(
                    "W0702",
                    symbol.span,
                    f"the {symbol.kind} `{symbol.name}` is never used",
                    f"use it in a rule, remove it, or call it `_{symbol.name}`",
                )


def _assignments(context: LintContext) -> Iterator[Diagnostic]:
    for line in context.nodes(Assign):
        symbol = context.table.declared[line.uid]
        if context.is_unused(symbol):
            yield context.warn(
                "W0704",
                symbol.span,
                f"`{symbol.name}` is assigned and never read",
                "an assignment is no condition: use the name on a line below, or write `==`",
            )
