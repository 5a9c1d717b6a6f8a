"""What literals mean."""

from __future__ import annotations

import pytest

from policyc.grammar import nodes
from policyc.grammar.parser import parse
from policyc.grammar.source import Source


def _value(literal: str) -> nodes.Expr:
    parsed = parse(Source(f"X := {literal}"))
    assert [str(found) for found in parsed.diagnostics] == []
    statement = parsed.tree.statements[0]
    assert isinstance(statement, nodes.ConstantDeclaration)
    return statement.value


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('""', ""),
        ("'a'", "a"),
        (r'"\n\t\d\\"', r"\n\t\d\\"),
        (r'"a\"b"', 'a"b'),
        (r'"a\'b"', r"a\'b"),
        (r"'a\'b'", "a'b"),
        (r'r"a\"b\d"', r'a"b\d'),
        ('"it\'s # no comment"', "it's # no comment"),
        ('"""a"""', "a"),
        ('"""a\n    b\n"""', "a\n    b\n"),
        ('"""\n  a\n\n    b\n  """', "\na\n\n  b\n"),
        ('"""  a\n  b"""', "a\nb"),
        ('"""a\\"""b"""', 'a\\"""b'),
        ('""""a"""', '"a'),
        ("'''a\"b'''", 'a"b'),
        ('"""\n\ta\n  b"""', "\n\ta\n  b"),
        ('"""a\r\nb"""', "a\nb"),
        ('"日本 😀"', "日本 😀"),
    ],
)
def test_value(literal: str, value: str) -> None:
    assert _value(literal) == nodes.String(value)


def test_the_prefix_r_is_noted() -> None:
    for literal, raw in (('r"a"', True), ("R'''a'''", True), ('"a"', False)):
        value = _value(literal)
        assert isinstance(value, nodes.String)
        assert value.raw is raw


def _text(value: str) -> nodes.String:
    return nodes.String(value)


def _name(text: str) -> nodes.Name:
    return nodes.Name(text)


@pytest.mark.parametrize(
    ("literal", "parts"),
    [
        ('f""', ()),
        ('f"plain"', (_text("plain"),)),
        ('f"{{a}}"', (_text("{a}"),)),
        ('f"{a}"', (nodes.Interpolation(_name("a")),)),
        (
            'f"x {a} {b:10.2}y"',
            (
                _text("x "),
                nodes.Interpolation(_name("a")),
                _text(" "),
                nodes.Interpolation(_name("b"), "10.2"),
                _text("y"),
            ),
        ),
        (
            "f'{ a.b.c }'",
            (
                nodes.Interpolation(
                    nodes.Member(
                        nodes.Member(_name("a"), nodes.Identifier("b")), nodes.Identifier("c")
                    )
                ),
            ),
        ),
        (
            'f"{a != b}{ {c: 1} }"',
            (
                nodes.Interpolation(
                    nodes.Compare(_name("a"), (nodes.Comparison("!=", _name("b")),))
                ),
                nodes.Interpolation(
                    nodes.ObjectLiteral((nodes.Entry(nodes.Identifier("c"), nodes.Number(1)),))
                ),
            ),
        ),
        ("f\"{a[':}']}\"", (nodes.Interpolation(nodes.Index(_name("a"), _text(":}"))),)),
        (r'f"\"{a}\d"', (_text('"'), nodes.Interpolation(_name("a")), _text(r"\d"))),
        (
            'f"""\n  a\n   {b} {\n   c\n  }\n  """',
            (
                _text("\na\n "),
                nodes.Interpolation(_name("b")),
                _text(" "),
                nodes.Interpolation(_name("c")),
                _text("\n"),
            ),
        ),
    ],
)
def test_interpolation(literal: str, parts: tuple[nodes.String | nodes.Interpolation, ...]) -> None:
    assert _value(literal) == nodes.FString(parts)


def test_interpolated_expressions_have_their_places_in_the_file() -> None:
    source = Source("X := 1\nY := f\"a {b.c} {d + 'e'}\"\n")
    statement = parse(source).tree.statements[1]
    assert isinstance(statement, nodes.ConstantDeclaration)
    value = statement.value
    assert isinstance(value, nodes.FString)
    found = [source.slice(p.value.span) for p in value.parts if isinstance(p, nodes.Interpolation)]
    assert found == ["b.c", "d + 'e'"]
    assert [source.slice(part.span) for part in value.parts] == ["a ", "{b.c}", " ", "{d + 'e'}"]


@pytest.mark.parametrize(
    ("literal", "message"),
    [
        ('f"{"', "this `{` is never closed"),
        ('f"a } b"', "this `}` closes nothing"),
        ('f"{ }"', "there is no expression between these braces"),
        ('f"{a!r}"', "a conversion such as `!r` has no meaning here"),
        ('f"{a:>10}"', "`>10` is no width and precision"),
        ('f"{a:.2f}"', "`.2f` is no width and precision"),
        (r'f"{a[\"b\"]}"', "a backslash cannot stand between these braces"),
        ('f"{a["b"]}"', "a quote between the braces ends the whole text"),
    ],
)
def test_malformed_interpolation(literal: str, message: str) -> None:
    (found,) = parse(Source(f"X := {literal}")).diagnostics
    assert (found.code, found.message) == ("E0224", message)


def test_a_mistake_in_an_interpolation_is_explained_at_its_place() -> None:
    (found,) = parse(Source('X := f"a {b && c}"')).diagnostics
    assert (found.code, found.column, found.end_column) == ("E0202", 13, 15)
