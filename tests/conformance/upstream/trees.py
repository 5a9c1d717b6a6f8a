"""policyc's syntax tree in the classes of the reference, for its tests that look at trees."""

from __future__ import annotations

from functools import reduce, singledispatch
from typing import Any

from invariant.analyzer import ast

from policyc.grammar import nodes


def to_reference(tree: nodes.PolicyFile) -> Any:
    """The root of a policy."""
    return ast.PolicyRoot([_convert(statement) for statement in tree.statements])


@singledispatch
def _convert(node: Any) -> Any:
    raise TypeError(f"no counterpart of {type(node).__name__}")


def _all(items: Any) -> list[Any]:
    return [_convert(item) for item in items]


# --- statements


@_convert.register
def _(node: nodes.Import) -> Any:
    return ast.Import(node.module.text, [], node.alias and node.alias.text)


@_convert.register
def _(node: nodes.ImportFrom) -> Any:
    names = [
        ast.ImportSpecifier(name.name.text, name.alias and name.alias.text) for name in node.names
    ]
    return ast.Import(node.module.text, names)


@_convert.register
def _(node: nodes.Rule) -> Any:
    return ast.RaisePolicy(_convert(node.value), _all(node.body))


@_convert.register
def _(node: nodes.ConstantDeclaration) -> Any:
    return ast.Declaration(ast.Identifier(node.name.text), [_convert(node.value)])


@_convert.register
def _(node: nodes.Predicate) -> Any:
    parameters = [ast.ParameterDeclaration(x.name.text, x.type.name) for x in node.parameters]
    signature = ast.FunctionSignature(ast.Identifier(node.name.text), parameters)
    return ast.Declaration(signature, _all(node.body))


@_convert.register
def _(node: nodes.Assign) -> Any:
    return ast.BinaryExpr(ast.Identifier(node.name.text), ":=", _convert(node.value))


# --- literals and names


@_convert.register
def _(node: nodes.String) -> Any:
    return _string(node.value, "r" if node.raw else None)


@_convert.register
def _(node: nodes.FString) -> Any:
    literals = (part.value for part in node.parts if isinstance(part, nodes.String))
    return _string("".join(literals), "f")


def _string(value: str, modifier: str | None) -> Any:
    made = ast.StringLiteral("", modifier=modifier)
    # The constructor takes source text, and would remove backslashes again.
    made.value = value
    return made


@_convert.register
def _(node: nodes.Number) -> Any:
    return ast.NumberLiteral(node.value)


@_convert.register
def _(node: nodes.Constant) -> Any:
    return ast.NoneLiteral() if node.value is None else ast.BooleanLiteral(node.value)


@_convert.register
def _(node: nodes.ListLiteral) -> Any:
    return ast.ArrayLiteral(_all(node.items))


@_convert.register
def _(node: nodes.ObjectLiteral) -> Any:
    return ast.ObjectLiteral(
        [ast.ObjectEntry(entry.key.text, _convert(entry.value)) for entry in node.entries]
    )


@_convert.register
def _(node: nodes.Name) -> Any:
    return ast.Identifier(node.text)


@_convert.register
def _(node: nodes.TypedVariable) -> Any:
    return ast.TypedIdentifier(node.type.name, node.name.text)


@_convert.register
def _(node: nodes.DerivedVariable) -> Any:
    typed = ast.TypedIdentifier(node.type.name, node.name.text)
    return ast.BinaryExpr(typed, "in", _convert(node.source))


# --- operations


@_convert.register
def _(node: nodes.Member) -> Any:
    return ast.MemberAccess(_convert(node.value), node.name.text)


@_convert.register
def _(node: nodes.Index) -> Any:
    return ast.KeyAccess(_convert(node.value), _convert(node.index))


@_convert.register
def _(node: nodes.Call) -> Any:
    keywords = [(word.name.text, _convert(word.value)) for word in node.keywords]
    return ast.FunctionCall(_convert(node.function), [*_all(node.args), *keywords])


@_convert.register
def _(node: nodes.Unary) -> Any:
    return ast.UnaryExpr(node.operator, _convert(node.operand))


@_convert.register
def _(node: nodes.Binary) -> Any:
    return ast.BinaryExpr(_convert(node.left), node.operator, _convert(node.right))


@_convert.register
def _(node: nodes.BoolOp) -> Any:
    return reduce(
        lambda left, right: ast.BinaryExpr(left, node.operator, right), _all(node.operands)
    )


@_convert.register
def _(node: nodes.Compare) -> Any:
    left, links = _convert(node.first), []
    for link in node.rest:
        right = _convert(link.right)
        links.append(ast.BinaryExpr(left, link.operator, right))
        left = right
    return reduce(lambda first, second: ast.BinaryExpr(first, "and", second), links)


@_convert.register
def _(node: nodes.Ternary) -> Any:
    return ast.TernaryOp(_convert(node.then), _convert(node.condition), _convert(node.otherwise))


@_convert.register
def _(node: nodes.Comprehension) -> Any:
    condition = None if node.condition is None else _convert(node.condition)
    return ast.ListComprehension(
        _convert(node.element), node.variable.text, _convert(node.source), condition
    )


@_convert.register
def _(node: nodes.Quantifier) -> Any:
    call = ast.FunctionCall(_convert(node.callee), _all(node.args))
    return ast.Quantifier(call, _all(node.body))


# --- tool patterns


@_convert.register
def _(node: nodes.ToolPattern) -> Any:
    tool = ast.ToolReference(node.name)
    return tool if node.arguments is None else ast.SemanticPattern(tool, _all(node.arguments))


@_convert.register
def _(node: nodes.Wildcard) -> Any:
    return ast.Wildcard()


@_convert.register
def _(node: nodes.ValueReference) -> Any:
    return ast.ValueReference(node.name)
