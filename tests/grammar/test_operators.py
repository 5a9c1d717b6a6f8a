"""Precedence and associativity: the trees of expressions are those of Python, where Python has the
operators."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.grammar import nodes
from policyc.grammar.operators import INFIX, PREFIX, RESERVED
from policyc.grammar.parser import parse
from policyc.grammar.source import Source

_PYTHON_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "**",
    ast.USub: "-", ast.UAdd: "+", ast.Not: "not", ast.And: "and", ast.Or: "or",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


def _expression(text: str) -> nodes.Expr:
    parsed = parse(Source(f"X := {text}"))
    assert parsed.diagnostics == ()
    (statement,) = parsed.tree.statements
    assert isinstance(statement, nodes.ConstantDeclaration)
    return statement.value


def _ours(node: nodes.Expr) -> object:
    match node:
        case nodes.Name():
            return node.text
        case nodes.Unary():
            return [node.operator, _ours(node.operand)]
        case nodes.Binary():
            return [_ours(node.left), node.operator, _ours(node.right)]
        case nodes.BoolOp():
            return [node.operator, [_ours(operand) for operand in node.operands]]
        case nodes.Compare():
            return [_ours(node.first), *[[link.operator, _ours(link.right)] for link in node.rest]]
        case nodes.Ternary():
            return ["if", _ours(node.condition), _ours(node.then), _ours(node.otherwise)]
    raise AssertionError(node)


def _pythons(node: ast.expr) -> object:
    match node:
        case ast.Name():
            return node.id
        case ast.UnaryOp():
            return [_PYTHON_OPERATORS[type(node.op)], _pythons(node.operand)]
        case ast.BinOp():
            return [_pythons(node.left), _PYTHON_OPERATORS[type(node.op)], _pythons(node.right)]
        case ast.BoolOp():
            return [_PYTHON_OPERATORS[type(node.op)], [_pythons(value) for value in node.values]]
        case ast.Compare():
            links = zip(node.ops, node.comparators, strict=True)
            rest = [[_PYTHON_OPERATORS[type(op)], _pythons(right)] for op, right in links]
            return [_pythons(node.left), *rest]
        case ast.IfExp():
            return ["if", _pythons(node.test), _pythons(node.body), _pythons(node.orelse)]
    raise AssertionError(node)


def _same_as_in_python(text: str) -> None:
    assert _ours(_expression(text)) == _pythons(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    "text",
    [
        "a or b and c",
        "a and b or c and d",
        "not a in b",
        "not a == b and c",
        "not a is b",
        "a is not b",
        "a not in b",
        "a == b != c",
        "a < b <= c in d",
        "a - b - c",
        "a * b - c / d % e",
        "a ** b ** c",
        "-a ** b",
        "a ** -b",
        "-a * b",
        "- - a",
        "not not a",
        "a if b else c",
        "a if b else c if d else e",
        "a == b if c else d",
        "a if b else c and d",
        "(a or b) and c",
        "(a < b) < c",
        "a + (b - c)",
        "a and (b and c)",
    ],
)
def test_tree_is_that_of_python(text: str) -> None:
    _same_as_in_python(text)


_operands = st.sampled_from("abcdefg")
_expressions = st.recursive(
    _operands,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([*set(INFIX) - {"contains_only", "->", "~>"}]), inner).map(
            " ".join
        ),
        st.tuples(st.sampled_from(["-", "+"]), _operands).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"(not {text})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    ),
    max_leaves=12,
)


@given(_expressions)
def test_any_mixture_reads_as_in_python(text: str) -> None:
    _same_as_in_python(text)


def test_flow_operators_and_contains_only_are_comparisons() -> None:
    assert _ours(_expression("not a -> b ~> c")) == ["not", ["a", ["->", "b"], ["~>", "c"]]]
    assert _ours(_expression("a contains_only b and c")) == [
        "and",
        [["a", ["contains_only", "b"]], "c"],
    ]


def test_long_chains_are_flat() -> None:
    value = _expression(" or ".join(["a"] * 5000))
    assert isinstance(value, nodes.BoolOp)
    assert len(value.operands) == 5000
    value = _expression(" < ".join(["a"] * 5000))
    assert isinstance(value, nodes.Compare)
    assert len(value.rest) == 4999


def test_every_operator_can_be_read() -> None:
    for spelling in INFIX:
        assert isinstance(
            _expression(f"a {spelling} b"), nodes.Binary | nodes.BoolOp | nodes.Compare
        )
    for spelling in PREFIX:
        assert isinstance(_expression(f"{spelling} a"), nodes.Unary)


@pytest.mark.parametrize("word", sorted(RESERVED - {"True", "False", "None"}))
def test_reserved_words_are_no_names_but_may_be_members_keys_and_keywords(word: str) -> None:
    for text in (
        f"{word} := 1",
        f'raise "x" if:\n    ({word}: Message)',
        f"p({word}: Message) := 1",
    ):
        assert parse(Source(text)).diagnostics != ()
    assert parse(Source(f"X := a.{word} + f({word}=1)[{{{word}: 2}}]")).diagnostics == ()
