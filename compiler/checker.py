"""Infers the type of every expression and reports what is certainly wrong with it.

Takes a resolved file; fills `types` of its symbol table and the types of assigned names, loop
variables and constants. A type is a promise: where the value may be anything, the type is ANY (left
out of the table) or JSON, and nothing is reported. What has an error gets the type ERROR, which
silences everything that depends on it.

Each family of checks has a module: `calls`, `members`, `operands`, `quantifiers`,
`tool_patterns`, `raises`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.compiler import calls, members, operands, quantifiers, raises, tool_patterns
from policyc.compiler.symbols import SymbolKind
from policyc.compiler.typesystem import (
    ANY,
    BOOL,
    CALLABLE,
    CONTENT,
    DICT,
    ERROR,
    FLOAT,
    INT,
    JSON,
    LIST,
    MODULE,
    NONE,
    TEXT,
    TOOL_PATTERN,
    Type,
    join,
    list_of,
)
from policyc.compiler.wording import written
from policyc.grammar.nodes import (
    Assign,
    Binary,
    BoolOp,
    Call,
    Compare,
    Comprehension,
    Constant,
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
    Number,
    ObjectLiteral,
    PolicyFile,
    Predicate,
    Quantifier,
    Rule,
    String,
    Ternary,
    ToolPattern,
    TypedVariable,
    Unary,
    ValueReference,
    Wildcard,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyc.compiler.reporting import Reporter
    from policyc.compiler.signatures import Catalogue
    from policyc.compiler.symbols import Symbol, SymbolTable
    from policyc.grammar.nodes import Line

_PLAIN = frozenset({"str", "int", "float", "number", "bool", "None", "json", "dict"})


def check(
    tree: PolicyFile,
    table: SymbolTable,
    catalogue: Catalogue,
    reporter: Reporter,
    order: Iterable[Symbol],
) -> None:
    """Fills the types of the table; what is wrong goes to the reporter.

    `order` has the constants of the file, each after those that it uses.
    """
    Checker(tree, table, catalogue, reporter).run(order)


class Checker:
    """One pass over one file. Handlers are looked up by the type of a node."""

    def __init__(
        self, tree: PolicyFile, table: SymbolTable, catalogue: Catalogue, reporter: Reporter
    ) -> None:
        self.tree = tree
        self.table = table
        self.catalogue = catalogue
        self.source = reporter.source
        self.report = reporter.report
        self.declared_types: dict[int, Type] = {}
        """By node: what the declaration of a predicate's parameter says, which nothing enforces."""
        self.reported_missing: set[str] = set()
        self.reported_refusals: set[tuple[str, str]] = set()
        self._parameter_types: dict[Symbol, Type] = {}
        self._in_constant = False

    # --- statements -----------------------------------------------------------------------------

    def run(self, order: Iterable[Symbol]) -> None:
        for symbol in order:
            if isinstance(symbol.declaration, ConstantDeclaration):
                self._in_constant = True
                symbol.type = self.type_of(symbol.declaration.value)
                self._in_constant = False
        for statement in self.tree.statements:
            match statement:
                case Predicate():
                    for parameter in statement.parameters:
                        symbol = self.table.declared[parameter.uid]
                        self._parameter_types[symbol] = self.table.uses[parameter.type.uid].type
                    self.lines(statement.body)
                case Rule():
                    self.lines(statement.body)
                    raises.check_raise(self, statement)
                case Import() | ImportFrom() | ConstantDeclaration():
                    pass

    def lines(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.condition(line)

    # --- expressions ----------------------------------------------------------------------------

    def type_of(self, node: Node) -> Type:
        """The type of an expression that stands where a value is wanted."""
        type_ = _HANDLERS[node.__class__](self, node)
        if type_ is not ANY:
            self.table.types[node.uid] = type_
        return type_

    def known_type(self, node: Node) -> Type:
        """The type found before."""
        return self.table.types.get(node.uid, ANY)

    def condition(self, node: Node) -> Type:
        """The type of an expression that stands where true or false is wanted."""
        type_ = self.type_of(node)
        if type_ is CALLABLE:
            operands.refuse_function(self, node)
            self.table.types[node.uid] = ERROR
        elif type_ is TOOL_PATTERN:
            self.table.types[node.uid] = ERROR
            self.report(
                "E0409",
                node.span,
                "a tool pattern by itself is no condition",
                f"write which call it is about: `c is {written(node, self.source)}`",
            )
        return type_

    def _text(self, node: Node) -> Type:
        return TEXT

    def _fstring(self, node: FString) -> Type:
        for part in node.parts:
            if isinstance(part, Interpolation):
                self.type_of(part.value)
        return TEXT

    def _number(self, node: Number) -> Type:
        return INT if isinstance(node.value, int) else FLOAT

    def _constant(self, node: Constant) -> Type:
        return NONE if node.value is None else BOOL

    def _list(self, node: ListLiteral) -> Type:
        types = {self.type_of(item) for item in node.items}
        if ERROR in types:
            return ERROR
        return list_of(types.pop()) if len(types) == 1 else LIST

    def _object(self, node: ObjectLiteral) -> Type:
        is_plain = True
        for entry in node.entries:
            is_plain &= _is_plain(self.type_of(entry.value))
        return DICT if is_plain else ANY

    def _name(self, node: Name) -> Type:
        symbol = self.table.uses[node.uid]
        kind = symbol.kind
        if kind is SymbolKind.PARAMETER:
            self.declared_types[node.uid] = self._parameter_types[symbol]
            return ANY
        if kind in (SymbolKind.PREDICATE, SymbolKind.TYPE, SymbolKind.QUANTIFIER):
            operands.refuse_as_value(self, node, symbol)
            return ERROR
        return symbol.type

    def _member(self, node: Member) -> Type:
        return self.member(node, is_called=False)

    def member(self, node: Member, *, is_called: bool) -> Type:
        """The type of a member; that of its owner is inferred first."""
        owner = self.type_of(node.value)
        symbol = self.table.uses.get(node.uid)
        if symbol is not None:  # a member of a module
            if symbol.kind in (SymbolKind.TYPE, SymbolKind.QUANTIFIER):
                operands.refuse_as_value(self, node, symbol)
                return ERROR
            return symbol.type
        if owner is MODULE:
            return ERROR
        return members.member_type(self, node, owner, is_called=is_called)

    def _index(self, node: Index) -> Type:
        return members.index_type(self, node, self.type_of(node.value), self.type_of(node.index))

    def _call(self, node: Call) -> Type:
        return calls.call_type(self, node)

    def _unary(self, node: Unary) -> Type:
        if node.operator == "not":
            self.condition(node.operand)
            return BOOL
        return operands.sign_type(self, node, self.type_of(node.operand))

    def _binary(self, node: Binary) -> Type:
        return operands.arithmetic_type(
            self, node, self.type_of(node.left), self.type_of(node.right)
        )

    def _bool_op(self, node: BoolOp) -> Type:
        result: Type | None = None
        for operand in node.operands:
            type_ = self.condition(operand)
            result = type_ if result is None else join(result, type_)
        return result or ANY

    def _compare(self, node: Compare) -> Type:
        left, left_type = node.first, self.type_of(node.first)
        result = BOOL
        for link in node.rest:
            # `type(x) == Message`: what is wrong is on the left.
            is_answered = left_type is ERROR and self._is_type(link.right)
            right_type = ERROR if is_answered else self.type_of(link.right)
            answer = operands.comparison_type(self, left, left_type, link, right_type)
            result = answer if len(node.rest) == 1 else join(result, answer)
            left, left_type = link.right, right_type
        return result

    def _is_type(self, node: Node) -> bool:
        symbol = self.table.uses.get(node.uid)
        return symbol is not None and symbol.kind is SymbolKind.TYPE

    def _ternary(self, node: Ternary) -> Type:
        self.condition(node.condition)
        return join(self.type_of(node.then), self.type_of(node.otherwise))

    def _comprehension(self, node: Comprehension) -> Type:
        source = self.type_of(node.source)
        self.table.declared[node.uid].type = operands.element_type(self, node.source, source)
        if node.condition is not None:
            self.condition(node.condition)
        element = self.type_of(node.element)
        return ERROR if element is ERROR else list_of(element)

    def _typed(self, node: TypedVariable) -> Type:
        self._refuse_in_constant(node)
        return BOOL

    def _derived(self, node: DerivedVariable) -> Type:
        self._refuse_in_constant(node)
        self.type_of(node.source)
        return BOOL

    def _quantifier(self, node: Quantifier) -> Type:
        self._refuse_in_constant(node)
        quantifiers.check_quantifier(self, node)
        self.lines(node.body)
        return BOOL

    def _refuse_in_constant(self, node: Node) -> None:
        if self._in_constant:
            self.report(
                "E0503",
                node.span,
                "a constant cannot look at the trace",
                "write a predicate: `name() := ...`, and call it as `name()`",
            )

    def _tool_pattern(self, node: ToolPattern) -> Type:
        tool_patterns.check_pattern(self, node)
        return TOOL_PATTERN

    def _wildcard(self, node: Node) -> Type:
        tool_patterns.refuse_outside(self, node)
        return ERROR

    def _assign(self, node: Assign) -> Type:
        self.table.declared[node.uid].type = self.type_of(node.value)
        return BOOL


def _is_plain(type_: Type) -> bool:
    if type_.element is not None:
        return _is_plain(type_.element)
    return type_.name in _PLAIN or type_ is CONTENT or type_ is JSON


_HANDLERS: dict[type, Callable[[Any, Any], Type]] = {
    String: Checker._text,
    FString: Checker._fstring,
    Number: Checker._number,
    Constant: Checker._constant,
    ListLiteral: Checker._list,
    ObjectLiteral: Checker._object,
    Name: Checker._name,
    Member: Checker._member,
    Index: Checker._index,
    Call: Checker._call,
    Unary: Checker._unary,
    Binary: Checker._binary,
    BoolOp: Checker._bool_op,
    Compare: Checker._compare,
    Ternary: Checker._ternary,
    Comprehension: Checker._comprehension,
    TypedVariable: Checker._typed,
    DerivedVariable: Checker._derived,
    Quantifier: Checker._quantifier,
    ToolPattern: Checker._tool_pattern,
    Wildcard: Checker._wildcard,
    ValueReference: Checker._wildcard,
    Assign: Checker._assign,
}
"""The method for each type of node; not bound, so that nothing holds on to a compilation."""
