"""What a lint sees of a policy: its checked tree, ready-made views of it, and a way to say
something.

A lint is a function from a `LintContext` to diagnostics. It looks only at what was understood: a
part with an error has the type ERROR, which no lint takes for anything. Principle: no false alarms;
what may be meant is not reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from policyc.compiler.literals import meant
from policyc.compiler.symbols import SymbolKind
from policyc.compiler.typesystem import ANY, ERROR, Type
from policyc.compiler.wording import written
from policyc.grammar.catalog import CODES
from policyc.grammar.diagnostics import Diagnostic
from policyc.grammar.nodes import (
    Assign,
    BoolOp,
    Call,
    Compare,
    Comprehension,
    DerivedVariable,
    Member,
    Node,
    Predicate,
    Quantifier,
    Rule,
    Ternary,
    Unary,
)
from policyc.grammar.visitor import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from policyc.compiler.signatures import Catalogue
    from policyc.compiler.symbols import Symbol, SymbolTable
    from policyc.grammar.diagnostics import Label
    from policyc.grammar.nodes import Comparison, Expr, Line, PolicyFile
    from policyc.grammar.source import Source, Span

    Lint = Callable[["LintContext"], Iterator[Diagnostic]]

NodeT = TypeVar("NodeT", bound=Node)


@dataclass(frozen=True, slots=True)
class Body:
    """The lines of a rule, a predicate, or the block of a quantifier."""

    owner: Rule | Predicate | Quantifier
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """One operator of a comparison with what stands on its two sides."""

    left: Expr
    comparison: Comparison

    @property
    def operator(self) -> str:
        return self.comparison.operator

    @property
    def right(self) -> Expr:
        return self.comparison.right

    @property
    def span(self) -> Span:
        return self.left.span.to(self.right.span)


@dataclass(frozen=True)
class LintContext:
    """`lost_uses`: names in text that did not parse. `is_complete`: there is no such text."""

    source: Source
    tree: PolicyFile
    table: SymbolTable
    catalogue: Catalogue
    lost_uses: frozenset[str] = frozenset()
    is_complete: bool = True

    # --- views of the tree --------------------------------------------------------------------

    def nodes(self, kind: type[NodeT]) -> Iterable[NodeT]:
        """All expressions of one class; literals are not collected."""
        return self.table.nodes[kind]  # type: ignore[return-value]  # filed under their class

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(node for node in self.tree.statements if isinstance(node, Rule))

    @cached_property
    def bodies(self) -> tuple[Body, ...]:
        owners: list[Rule | Predicate | Quantifier] = [
            node for node in self.tree.statements if isinstance(node, Rule | Predicate)
        ]
        owners.extend(self.nodes(Quantifier))
        return tuple(Body(owner, owner.body) for owner in owners)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return tuple(link for node in self.nodes(Compare) for link in links_of(node))

    @cached_property
    def conditions(self) -> tuple[Expr, ...]:
        """All expressions where true or false is wanted, with `and` and `or` taken apart."""
        found: list[Expr] = []
        for body in self.bodies:
            found.extend(line for line in body.lines if not isinstance(line, Assign))
        for choice in self.nodes(Ternary):
            found.append(choice.condition)
        for listing in self.nodes(Comprehension):
            if listing.condition is not None:
                found.append(listing.condition)
        for negation in self.nodes(Unary):
            if negation.operator == "not":
                found.append(negation.operand)
        parts = list(found)
        values = self._where_a_value_is_wanted()
        for operation in self.nodes(BoolOp):
            # In `(x: str) in (found or ["default"])` the last alternative is no condition.
            is_value = operation.operator == "or" and operation.uid in values
            parts.extend(operation.operands[:-1] if is_value else operation.operands)
        return tuple(part for part in parts if not isinstance(part, BoolOp))

    def _where_a_value_is_wanted(self) -> set[int]:
        sources = [node.source for node in self.nodes(DerivedVariable)]
        sources.extend(node.source for node in self.nodes(Comprehension))
        return {source.uid for source in sources}

    # --- what is known about a node -----------------------------------------------------------

    def type_of(self, node: Node) -> Type:
        return self.table.types.get(node.uid, ANY)

    def symbol(self, node: Node) -> Symbol | None:
        return self.table.uses.get(node.uid)

    def is_unused(self, symbol: Symbol) -> bool:
        """Whether nothing uses a name. One that starts with `_` is meant to be unused."""
        is_free = symbol.name.startswith("_") or symbol.name in self.lost_uses
        return not (symbol.is_used or is_free)

    def meant(self, node: Expr) -> Expr:
        """The expression itself, or the value of the constant that it names."""
        return meant(node, self.table)

    def written(self, node: Node) -> str:
        return written(node, self.source)

    def is_steady(self, node: Node) -> bool:
        """Whether the expression has the same value each time, and no error in it."""
        for inner in walk(node):
            if self.type_of(inner) is ERROR:
                return False
            if isinstance(inner, Call):
                symbol = self.symbol(inner.function)
                if symbol is None and isinstance(inner.function, Member):
                    continue  # a method
                if symbol is not None and symbol.kind is SymbolKind.PREDICATE:
                    continue
                if symbol is None:
                    return False
                if symbol.signature is None or not symbol.signature.deterministic:
                    return False
        return True

    # --- saying something ---------------------------------------------------------------------

    def warn(
        self,
        code: str,
        span: Span,
        message: str,
        advice: str,
        *,
        note: str = "",
        labels: Iterable[Label] = (),
    ) -> Diagnostic:
        return Diagnostic(
            code,
            CODES[code].severity,
            message,
            self.source,
            span,
            help=advice,
            note=note,
            labels=tuple(labels),
        )


def links_of(node: Compare) -> Iterator[Link]:
    left = node.first
    for comparison in node.rest:
        yield Link(left, comparison)
        left = comparison.right


def conjuncts(lines: Iterable[Line]) -> Iterator[Expr]:
    """The conditions that must hold together: lines, with `and` taken apart."""
    for line in lines:
        if isinstance(line, BoolOp) and line.operator == "and":
            yield from conjuncts(line.operands)
        elif not isinstance(line, Assign):
            yield line
