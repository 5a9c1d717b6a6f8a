"""From the text of a policy to its checked tree: the part of the compiler that talks to the author.

Takes a source and the catalogue of what exists; returns the tree, the side tables of names and
types, and every error and warning of the file. It never raises for any text: a statement that did
not parse is left out, and what depends on an error is not reported again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyc.compiler.checker import check
from policyc.compiler.cycles import check_cycles
from policyc.compiler.lints.context import LintContext
from policyc.compiler.lints.registry import run_lints
from policyc.compiler.reporting import Reporter
from policyc.compiler.resolver import resolve
from policyc.grammar.diagnostics import Diagnostic, Severity, sort_diagnostics

if TYPE_CHECKING:
    from policyc.compiler.signatures import Catalogue
    from policyc.compiler.symbols import SymbolTable
    from policyc.grammar.nodes import PolicyFile
    from policyc.grammar.source import Source


@dataclass(frozen=True, slots=True)
class Checked:
    """A policy with all that is known about it before it is compiled."""

    source: Source
    tree: PolicyFile
    table: SymbolTable
    diagnostics: tuple[Diagnostic, ...]

    @property
    def has_errors(self) -> bool:
        return any(found.severity is Severity.ERROR for found in self.diagnostics)


def check_source(source: Source, catalogue: Catalogue) -> Checked:
    """Parses and checks one policy. Never raises for any text."""
    from policyc.grammar.parser import parse  # noqa: PLC0415  # loads the parser generator

    parsed = parse(source)
    reporter = Reporter(source)
    reporter.diagnostics.extend(parsed.diagnostics)
    table = _checked_names(parsed.tree, catalogue, reporter, parsed.lost_declarations)
    context = LintContext(
        source,
        parsed.tree,
        table,
        catalogue,
        lost_uses=parsed.lost_uses,
        is_complete=not parsed.diagnostics,
    )
    reporter.diagnostics.extend(run_lints(context))
    return Checked(source, parsed.tree, table, sort_diagnostics(reporter.diagnostics))


def check_tree(source: Source, tree: PolicyFile, catalogue: Catalogue) -> Checked:
    """Checks a tree that was not read from a text, without its lints; the spans of its nodes lie in
    `source`."""
    reporter = Reporter(source)
    table = _checked_names(tree, catalogue, reporter)
    return Checked(source, tree, table, sort_diagnostics(reporter.diagnostics))


def _checked_names(
    tree: PolicyFile,
    catalogue: Catalogue,
    reporter: Reporter,
    lost_declarations: frozenset[str] = frozenset(),
) -> SymbolTable:
    """What the names of a tree stand for, with their types checked."""
    table = resolve(tree, catalogue, reporter, lost_declarations)
    order = check_cycles(tree, table, reporter)
    check(tree, table, catalogue, reporter, order)
    return table
