"""Finds out what each name of a policy stands for.

Takes the tree of a file and the catalogue of what exists outside of it; fills a `SymbolTable` and
reports names that are unknown, declared twice, or used before they have a value. Types are only
read off declarations here; the checker infers the others.

The variables of a body are visible in the whole body, also above their line. So the walk over a
statement only declares and collects: the names it met are looked up when the statement has been
walked. Names are looked for in this order: loop variables, variables of the body (and of the blocks
around it), parameters, declarations of the file, imports, what the host passed, built-in functions,
`input`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from policyc.compiler.imports import ImportBinder, find_member, other_member
from policyc.compiler.suggestions import Hint, Suggestions
from policyc.compiler.symbols import Symbol, SymbolKind, SymbolTable
from policyc.compiler.typesystem import CALLABLE, ERROR, INPUT, TYPE_NAMES
from policyc.grammar.diagnostics import Label
from policyc.grammar.nodes import (
    Assign,
    Binary,
    BoolOp,
    Call,
    Compare,
    Comprehension,
    ConstantDeclaration,
    DerivedVariable,
    FString,
    Import,
    ImportFrom,
    Index,
    Interpolation,
    ListLiteral,
    Member,
    Name,
    Node,
    ObjectLiteral,
    PolicyFile,
    Predicate,
    Quantifier,
    Rule,
    Ternary,
    ToolPattern,
    TypedVariable,
    TypeRef,
    Unary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyc.compiler.reporting import Reporter
    from policyc.compiler.signatures import Catalogue
    from policyc.compiler.typesystem import Type
    from policyc.grammar.nodes import Line
    from policyc.grammar.source import Span


class Scope:
    """The names that one body, block or comprehension declares."""

    __slots__ = ("names", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Symbol] = {}

    def find(self, name: str) -> Symbol | None:
        scope: Scope | None = self
        while scope is not None:
            symbol = scope.names.get(name)
            if symbol is not None:
                return symbol
            scope = scope.parent
        return None

    def visible(self) -> set[str]:
        """Every name that can be written in this scope."""
        return set(self.names) | (self.parent.visible() if self.parent else set())

    def is_inside(self, other: Scope) -> bool:
        scope: Scope | None = self
        while scope is not None:
            if scope is other:
                return True
            scope = scope.parent
        return False


def resolve(
    tree: PolicyFile,
    catalogue: Catalogue,
    reporter: Reporter,
    lost_names: frozenset[str] = frozenset(),
) -> SymbolTable:
    """The symbol table of a file; what is wrong with its names goes to the reporter.

    `lost_names` are declared in statements that did not parse, so their uses are not reported.
    """
    return Resolver(tree, catalogue, reporter, lost_names).run()


class Resolver:
    """One walk over one file. Handlers are looked up by the type of a node: most of the time goes
    here.
    """

    def __init__(
        self,
        tree: PolicyFile,
        catalogue: Catalogue,
        reporter: Reporter,
        lost_names: frozenset[str],
    ) -> None:
        self.tree = tree
        self._lost_names = lost_names
        self.catalogue = catalogue
        self.table = SymbolTable()
        self.declarations: dict[str, Symbol] = {}
        self._reporter = reporter
        self._imports = ImportBinder(catalogue, self.table, reporter)
        self._outside: dict[str, Symbol] = {}
        self._has_modules = False
        self._begin()

    # --- statements -----------------------------------------------------------------------------

    def run(self) -> SymbolTable:
        for statement in self.tree.statements:
            match statement:
                case Import():
                    self._imports.bind_module(statement)
                case ImportFrom():
                    self._imports.bind_names(statement)
                case ConstantDeclaration() | Predicate():
                    self._declare_top(statement)
                case Rule():
                    pass
        self._has_modules = any(
            symbol.kind is SymbolKind.MODULE for symbol in self._imports.names.values()
        )
        for statement in self.tree.statements:
            match statement:
                case ConstantDeclaration():
                    self._begin()
                    self._visit(statement.value)
                    self._finish()
                case Predicate():
                    self._predicate(statement)
                case Rule():
                    self._rule(statement)
                case Import() | ImportFrom():
                    pass
        return self.table

    def _declare_top(self, node: ConstantDeclaration | Predicate) -> None:
        kind = (
            SymbolKind.CONSTANT if isinstance(node, ConstantDeclaration) else SymbolKind.PREDICATE
        )
        symbol = Symbol(node.name.text, kind, span=node.name.span, declaration=node)
        self.table.declared[node.uid] = symbol
        known = self.declarations.setdefault(node.name.text, symbol)
        if known is not symbol:
            self._repeated(symbol, known)

    def _predicate(self, node: Predicate) -> None:
        self._begin()
        for parameter in node.parameters:
            symbol = Symbol(parameter.name.text, SymbolKind.PARAMETER, span=parameter.name.span)
            self.table.declared[parameter.uid] = symbol
            self._type(parameter.type, parameter.type.span)
            self._declare(symbol)
        self._lines(node.body)
        self._finish()

    def _rule(self, node: Rule) -> None:
        self._begin()
        self._lines(node.body)
        first_of_raise = len(self._met)
        self._visit(node.value)
        self._finish(first_of_raise)

    def _begin(self) -> None:
        self._scope = Scope()
        self._owner: Symbol | None = None
        self._met: list[tuple[Name | Member, Scope, Symbol | None]] = []
        self._declared_here: dict[str, list[tuple[Scope, Symbol]]] = {}
        self._needs: dict[Symbol, list[Symbol]] = {}
        self._assigned: dict[Symbol, int] = {}

    # --- declarations ---------------------------------------------------------------------------

    def _declare(self, symbol: Symbol) -> None:
        scope = self._scope
        earlier = self._declared_here.setdefault(symbol.name, [])
        for other_scope, other in earlier:
            if scope.is_inside(other_scope) or other_scope.is_inside(scope):
                self._repeated(symbol, other)
                break
        earlier.append((scope, symbol))
        scope.names.setdefault(symbol.name, symbol)

    def _repeated(self, symbol: Symbol, earlier: Symbol) -> None:
        symbol.is_used = earlier.is_used = True  # whichever of them the uses mean
        if earlier.span.start > symbol.span.start:
            symbol, earlier = earlier, symbol
        self._reporter.report(
            "E0303",
            symbol.span,
            f"`{symbol.name}` is declared twice",
            "give one of the two another name",
            note="declared again",
            labels=(Label(earlier.span, "first declared here"),),
        )

    def _type(self, ref: TypeRef, span: Span) -> Type:
        name = ref.name
        symbol = self._imports.names.get(name)
        if symbol is None or symbol.kind not in (SymbolKind.TYPE, SymbolKind.ERROR):
            known = self.catalogue.types.get(name) or TYPE_NAMES.get(name)
            if known is None:
                if name not in self._lost_names:
                    self._unknown_type(name, span)
                symbol = Symbol(name, SymbolKind.ERROR, ERROR)
            else:
                symbol = Symbol(name, SymbolKind.TYPE, known)
        symbol.is_used = True
        self.table.uses[ref.uid] = symbol
        return symbol.type

    # --- expressions ----------------------------------------------------------------------------

    def _visit(self, node: Node) -> None:
        kind = node.__class__
        handler = _HANDLERS.get(kind)
        if handler is not None:
            self.table.nodes[kind].append(node)
            handler(self, node)

    def _lines(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._visit(line)

    def _name(self, node: Name) -> None:
        self._met.append((node, self._scope, self._owner))

    def _member(self, node: Member) -> None:
        self._visit(node.value)
        if self._has_modules:
            self._met.append((node, self._scope, self._owner))

    def _index(self, node: Index) -> None:
        self._visit(node.value)
        self._visit(node.index)

    def _call(self, node: Call) -> None:
        self._visit(node.function)
        for argument in node.args:
            self._visit(argument)
        for keyword in node.keywords:
            self._visit(keyword.value)

    def _unary(self, node: Unary) -> None:
        self._visit(node.operand)

    def _binary(self, node: Binary) -> None:
        self._visit(node.left)
        self._visit(node.right)

    def _bool_op(self, node: BoolOp) -> None:
        for operand in node.operands:
            self._visit(operand)

    def _compare(self, node: Compare) -> None:
        self._visit(node.first)
        for link in node.rest:
            self._visit(link.right)

    def _ternary(self, node: Ternary) -> None:
        self._visit(node.condition)
        self._visit(node.then)
        self._visit(node.otherwise)

    def _list(self, node: ListLiteral) -> None:
        for item in node.items:
            self._visit(item)

    def _object(self, node: ObjectLiteral) -> None:
        for entry in node.entries:
            self._visit(entry.value)

    def _fstring(self, node: FString) -> None:
        for part in node.parts:
            if isinstance(part, Interpolation):
                self._visit(part.value)

    def _pattern(self, node: ToolPattern) -> None:
        for argument in node.arguments or ():
            self._visit(argument)

    def _typed(self, node: TypedVariable) -> None:
        span = node.name.span
        type_ = self._type(node.type, span.to(node.type.span))
        symbol = Symbol(node.name.text, SymbolKind.VARIABLE, type_, span)
        self.table.declared[node.uid] = symbol
        self._declare(symbol)

    def _derived(self, node: DerivedVariable) -> None:
        span = node.name.span
        type_ = self._type(node.type, span.to(node.type.span))
        symbol = Symbol(node.name.text, SymbolKind.DERIVED, type_, span)
        self.table.declared[node.uid] = symbol
        self._declare(symbol)
        self._visit_owned(symbol, node.source)

    def _assign(self, node: Assign) -> None:
        symbol = Symbol(node.name.text, SymbolKind.ASSIGNED, span=node.name.span)
        self.table.declared[node.uid] = symbol
        self._assigned[symbol] = node.span.end
        self._declare(symbol)
        self._visit_owned(symbol, node.value)

    def _visit_owned(self, symbol: Symbol, node: Node) -> None:
        outer, self._owner = self._owner, symbol
        self._visit(node)
        self._owner = outer

    def _comprehension(self, node: Comprehension) -> None:
        self._visit(node.source)
        outer = self._scope
        self._scope = Scope(outer)
        symbol = Symbol(node.variable.text, SymbolKind.LOOP, span=node.variable.span)
        self.table.declared[node.uid] = symbol
        self._scope.names[symbol.name] = symbol
        if node.condition is not None:
            self._visit(node.condition)
        self._visit(node.element)
        self._scope = outer

    def _quantifier(self, node: Quantifier) -> None:
        self._name(node.callee)
        for argument in node.args:
            self._visit(argument)
        for keyword in node.keywords:
            self._visit(keyword.value)
        outer = self._scope
        self._scope = Scope(outer)
        self._lines(node.body)
        self._scope = outer

    # --- lookup ---------------------------------------------------------------------------------

    def _finish(self, first_of_raise: int | None = None) -> None:
        """Looks up what was met in the statement. The raised expression may use a name assigned
        below it.
        """
        uses = self.table.uses
        for number, (node, scope, owner) in enumerate(self._met):
            if isinstance(node, Member):
                self._module_member(node)
                continue
            symbol = scope.find(node.text)
            if symbol is None:
                symbol = self._find_outside(node.text)
                if symbol is None:
                    symbol = self._unknown(node, scope)
            elif symbol.kind is SymbolKind.ASSIGNED or symbol.kind is SymbolKind.DERIVED:
                if owner is not None:
                    self._needs.setdefault(owner, []).append(symbol)
                is_early = node.span.start < self._assigned.get(symbol, 0)
                if is_early and (first_of_raise is None or number < first_of_raise):
                    self._early(node, symbol)
            symbol.is_used = True
            uses[node.uid] = symbol
        if self._needs:
            self._refuse_circles()

    @cached_property
    def _suggestions(self) -> Suggestions:
        outside = {**self._imports.names, **self.declarations}
        return Suggestions(self.tree, self.catalogue, outside)

    def _find_outside(self, name: str) -> Symbol | None:
        found = self.declarations.get(name) or self._imports.names.get(name)
        if found is None:
            found = self._outside.get(name)
        if found is None:
            signature = self.catalogue.host.get(name) or self.catalogue.builtins.get(name)
            if signature is not None:
                found = Symbol(name, SymbolKind.FUNCTION, CALLABLE, signature=signature)
            elif name == "input":
                found = Symbol(name, SymbolKind.INPUT, INPUT)
            else:
                type_ = self.catalogue.types.get(name) or TYPE_NAMES.get(name)
                found = Symbol(name, SymbolKind.TYPE, type_) if type_ else None
            if found is not None:
                self._outside[name] = found
        return found

    def _module_member(self, node: Member) -> None:
        owner = self.table.uses.get(node.value.uid)
        if owner is None or owner.kind is not SymbolKind.MODULE or owner.module is None:
            return
        symbol = find_member(owner.module, node.name.text, self.catalogue)
        if symbol is None:
            self._reporter.report(
                "E0305",
                node.name.span,
                f"`{owner.module.name}` has no `{node.name.text}`",
                other_member(owner.module, node.name.text),
            )
            symbol = Symbol(node.name.text, SymbolKind.ERROR, ERROR)
        self.table.uses[node.uid] = symbol

    def _unknown(self, node: Name, scope: Scope) -> Symbol:
        if node.text not in self._lost_names:
            hint = self._suggestions.for_name(node, scope.visible())
            message = f"cannot find `{node.text}`"
            self._reporter.report("E0301", node.span, message, hint.advice, note=hint.note)
            self._use_meant(hint, scope)
        return Symbol(node.text, SymbolKind.ERROR, ERROR)

    def _unknown_type(self, name: str, span: Span) -> None:
        hint = self._suggestions.for_type(name)
        known = self.declarations.get(name) or self._imports.names.get(name)
        if known is not None:
            known.is_used = True
            message = f"`{name}` is a {known.kind}, not a type"
        else:
            message = f"cannot find the type `{name}`"
        self._reporter.report("E0302", span, message, hint.advice, note=hint.note)
        self._use_meant(hint, self._scope)

    def _use_meant(self, hint: Hint, scope: Scope) -> None:
        """A misspelt name uses what it seems to mean, so that it is not called unused as well."""
        if hint.near is not None:
            meant = scope.find(hint.near) or self._find_outside(hint.near)
            if meant is not None:
                meant.is_used = True

    def _early(self, node: Name, symbol: Symbol) -> None:
        self._reporter.report(
            "E0306",
            node.span,
            f"`{node.text}` is used before it is assigned",
            "move the line with `:=` above this one",
            labels=(Label(symbol.span, "assigned here"),),
        )

    def _refuse_circles(self) -> None:
        """Derived variables whose sources need each other could never be chosen."""
        reported: set[Symbol] = set()
        for start, needed in self._needs.items():
            if start.kind is not SymbolKind.DERIVED or start in reported:
                continue
            seen: set[Symbol] = set()
            waiting = list(needed)
            while waiting:
                symbol = waiting.pop()
                if symbol is start:
                    reported |= seen | {start}
                    self._reporter.report(
                        "E0307",
                        start.span,
                        f"`{start.name}` is taken from a value that depends on `{start.name}`",
                        "take it from another value, or give the inner name another spelling",
                    )
                    break
                if symbol not in seen:
                    seen.add(symbol)
                    waiting.extend(self._needs.get(symbol, ()))


_HANDLERS: dict[type, Callable[[Any, Any], None]] = {
    Name: Resolver._name,
    Member: Resolver._member,
    Index: Resolver._index,
    Call: Resolver._call,
    Unary: Resolver._unary,
    Binary: Resolver._binary,
    BoolOp: Resolver._bool_op,
    Compare: Resolver._compare,
    Ternary: Resolver._ternary,
    ListLiteral: Resolver._list,
    ObjectLiteral: Resolver._object,
    FString: Resolver._fstring,
    ToolPattern: Resolver._pattern,
    TypedVariable: Resolver._typed,
    DerivedVariable: Resolver._derived,
    Assign: Resolver._assign,
    Comprehension: Resolver._comprehension,
    Quantifier: Resolver._quantifier,
}
"""The method for each type of node; not bound, so that nothing holds on to a compilation."""
