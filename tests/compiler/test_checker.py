"""The types that are promised to the later stages."""

from __future__ import annotations

import pytest

from policyc.compiler import typesystem as ts
from policyc.compiler.frontend import check_source
from policyc.compiler.typesystem import Type, family, join, list_of, optional, present
from policyc.grammar.nodes import Assign
from policyc.grammar.source import Source
from policyc.grammar.visitor import walk
from policyc.runtime.extensions import catalogue

POLICY = """
LIMIT := 3
p(x: Message) := x.role == "user"
raise "x" if:
    (m: Message)
    (c: ToolCall)
    (o: ToolOutput)
    (n: int) in [1]
    m -> c -> o
    value := {}
    print(value, n)
"""


def type_of(expression: str) -> Type:
    text = POLICY.replace("{}", expression)
    checked = check_source(Source(text), catalogue())
    errors = [found for found in checked.diagnostics if found.code.startswith("E")]
    assert not errors
    (assign,) = [node for node in walk(checked.tree) if isinstance(node, Assign)]
    inferred = checked.table.types.get(assign.value.uid, ts.ANY)
    assert checked.table.declared[assign.uid].type == inferred
    return inferred


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('"a"', ts.TEXT),
        ('f"{m.role}"', ts.TEXT),
        ("1", ts.INT),
        ("1.5", ts.FLOAT),
        ("True", ts.BOOL),
        ("None", ts.NONE),
        ("LIMIT", ts.INT),
        ("n", ts.INT),
        ("m", ts.MESSAGE),
        ('["a", "b"]', list_of(ts.TEXT)),
        ('["a", 1]', ts.LIST),
        ("{a: 1}", ts.DICT),
        ("{a: m}", ts.ANY),
        ("m.role", ts.TEXT),
        ("m.content", ts.CONTENT),
        ("m.tool_calls", list_of(ts.TOOL_CALL)),
        ("m.tool_calls[0]", optional(ts.TOOL_CALL)),
        ("m.tool_calls[0].function", optional(ts.FUNCTION)),
        ("m.tool_calls[0].function.arguments", optional(ts.DICT)),
        ("c.function", ts.FUNCTION),
        ("c.function.arguments", ts.DICT),
        ("c.function.arguments.to", ts.JSON),
        ('c.function.arguments["to"]', ts.JSON),
        ("c.function.arguments.to.name", ts.JSON),
        ("c.id", ts.OPTIONAL_TEXT),
        ("input.name", ts.JSON),
        ("m.role.key", ts.JSON),
        ("m.role.lower()", ts.TEXT),
        ("m.content.lower()", ts.OPTIONAL_TEXT),
        ("m.role.split()", list_of(ts.TEXT)),
        ("c.function.arguments.keys()", list_of(ts.TEXT)),
        ("1 + 2", ts.INT),
        ("1 / 2", ts.FLOAT),
        ("1 + 2.5", ts.FLOAT),
        ("2 ** 3", ts.NUMBER),
        ("-n", ts.INT),
        ('m.role + "a"', ts.TEXT),
        ("c.function.arguments.n + 1", ts.JSON),
        ("m.role == 1 or n == 2", ts.BOOL),
        ("not m.content", ts.BOOL),
        ("1 < n < 3", ts.BOOL),
        ('"a" in m.content', ts.BOOL),
        ('["a"] in m.content', list_of(ts.BOOL)),
        ("c is tool:x", ts.BOOL),
        ("tool:x", ts.TOOL_PATTERN),
        ("p(m)", ts.BOOL),
        ("len(m.content)", ts.INT),
        ("tool_call(o)", ts.TOOL_CALL),
        ("[c.function for c in m.tool_calls]", list_of(ts.FUNCTION)),
        ("[k for k in c.function.arguments]", list_of(ts.TEXT)),
        ("1 if n == 2 else 3", ts.INT),
        ("1 if n == 2 else 2.5", ts.NUMBER),
        ('"a" if n == 2 else None', optional(ts.TEXT)),
        ('"a" if n == 2 else 1', ts.ANY),
        ("m.role and m.role", ts.TEXT),
        ("max([1])", ts.ANY),
        ("len", ts.CALLABLE),
    ],
)
def test_type_of_an_expression(expression: str, expected: Type) -> None:
    assert type_of(expression) == expected


def test_a_parameter_promises_nothing() -> None:
    checked = check_source(Source("p(x: Message) :=\n    y := x\n    y == 1\n"), catalogue())
    (assign,) = [node for node in walk(checked.tree) if isinstance(node, Assign)]
    assert checked.table.declared[assign.uid].type is ts.ANY


def test_optional_and_present_undo_one_another() -> None:
    for type_ in (ts.TEXT, ts.TOOL_CALL, list_of(ts.TOOL_CALL)):
        assert present(optional(type_)) == type_
        assert optional(optional(type_)) == optional(type_)
    assert optional(ts.TEXT) == ts.OPTIONAL_TEXT
    assert optional(ts.JSON) is ts.JSON


def test_join_promises_what_both_promise() -> None:
    assert join(ts.TEXT, ts.TEXT) == ts.TEXT
    assert join(ts.TEXT, ts.NONE) == join(ts.NONE, ts.TEXT) == ts.OPTIONAL_TEXT
    assert join(ts.OPTIONAL_TEXT, ts.TEXT) == ts.OPTIONAL_TEXT
    assert join(ts.INT, ts.FLOAT) == ts.NUMBER
    assert join(list_of(ts.TEXT), list_of(ts.INT)) == ts.LIST
    assert join(ts.TEXT, ts.INT) == ts.ANY
    assert join(ts.TEXT, ts.ERROR) == ts.ERROR


def test_family_is_known_only_where_values_are() -> None:
    assert family(ts.OPTIONAL_TEXT) == family(ts.TEXT) == "text"
    assert family(ts.BOOL) == family(ts.INT) == "number"
    assert family(optional(ts.MESSAGE)) == "object"
    assert [family(type_) for type_ in (ts.ANY, ts.JSON, ts.CONTENT, ts.NONE)] == [None] * 4
