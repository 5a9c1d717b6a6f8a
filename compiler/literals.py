"""Values that a policy spells out, also by way of a constant, and where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.compiler.symbols import SymbolKind
from policyc.grammar.nodes import (
    Constant,
    ConstantDeclaration,
    FString,
    ListLiteral,
    Name,
    Number,
    ObjectLiteral,
    String,
    Unary,
)
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.compiler.symbols import SymbolTable
    from policyc.grammar.nodes import Expr, Node
    from policyc.grammar.source import Source

_LONGEST_CHAIN = 50


def meant(node: Expr, table: SymbolTable) -> Expr:
    """The expression itself, or what the constant stands for that it names."""
    for _ in range(_LONGEST_CHAIN):  # constants that name one another in a circle are reported
        if not isinstance(node, Name):
            break
        symbol = table.uses.get(node.uid)
        if symbol is None or symbol.kind is not SymbolKind.CONSTANT:
            break
        declaration = symbol.declaration
        if not isinstance(declaration, ConstantDeclaration):
            break
        node = declaration.value
    return node


def is_spelled_out(node: Expr, table: SymbolTable) -> bool:
    """Whether an expression is a value of the policy through and through."""
    match meant(node, table):
        case String() | Number() | Constant() | Unary(operator="-" | "+", operand=Number()):
            return True
        case ListLiteral(items=items):
            return all(is_spelled_out(item, table) for item in items)
        case ObjectLiteral(entries=entries):
            return all(is_spelled_out(entry.value, table) for entry in entries)
        case _:
            return False


def spelled_value(node: Expr, table: SymbolTable) -> Any:
    """The value of an expression that is spelled out."""
    match meant(node, table):
        case String(value=value) | Number(value=value) | Constant(value=value):
            return value
        case Unary(operator=operator, operand=Number(value=number)):
            return -number if operator == "-" else number
        case ListLiteral(items=items):
            return [spelled_value(item, table) for item in items]
        case ObjectLiteral(entries=entries):
            return {entry.key.text: spelled_value(entry.value, table) for entry in entries}
        case other:
            raise TypeError(f"{other} is not spelled out")


def literal_texts(node: Expr, table: SymbolTable) -> list[String]:
    """The literal parts of a text, of an f-string, or of a constant that is one of these."""
    node = meant(node, table)
    if isinstance(node, String):
        return [node]
    if isinstance(node, FString):
        return [part for part in node.parts if isinstance(part, String)]
    return []


def span_inside(node: Node, text: str, start: int, end: int, source: Source) -> Span:
    """The span of a piece of a literal text; of the whole literal where its spelling differs from
    the text.
    """
    offset = source.slice(node.span).find(text)
    if offset < 0:
        return node.span
    begin = node.span.start + offset
    return Span(begin + start, begin + max(end, start + 1))
