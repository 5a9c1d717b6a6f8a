"""`format_source`: canonical, the same tree, the same comments, and nothing to do a second time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from policyc.grammar.diagnostics import PolicyError
from policyc.grammar.formatter import format_source
from policyc.grammar.parser import parse
from policyc.grammar.source import Source
from tests.grammar.policy_texts import policies


def _formatted(text: str) -> str:
    """The formatted text, after the promises that hold for every text are checked."""
    result = format_source(Source(text))
    before, after = parse(Source(text)), parse(Source(result))
    assert after.diagnostics == ()
    assert after.tree == before.tree
    assert sorted(c.text.rstrip() for c in after.tree.comments) == sorted(
        c.text.rstrip() for c in before.tree.comments
    )
    assert format_source(Source(result)) == result
    return result


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies())
def test_any_policy_keeps_its_tree_and_comments(text: str) -> None:
    assume(not parse(Source(text)).diagnostics)
    result = _formatted(text)
    assert "\r" not in result
    assert result == "" or (result.endswith("\n") and not result.endswith("\n\n"))


@pytest.mark.parametrize(
    ("written", "formatted"),
    [
        ("", ""),
        ("\n\n", ""),
        ("# only\n", "# only\n"),
        ("X:=1", "X := 1\n"),
        ("X := 'a'", 'X := "a"\n'),
        ("X := 'say \"a\"'", "X := 'say \"a\"'\n"),
        (r"X := 'it\'s'", 'X := "it\'s"\n'),
        (r"X := r'\d\'+'", 'X := r"\\d\'+"\n'),
        (r"X := 'a\\'", r'X := "a\\"' + "\n"),
        ("X := f'{a} b'", 'X := f"{a} b"\n'),
        ("X := f'{a[\"b\"]}'", "X := f'{a[\"b\"]}'\n"),
        ("X := tool:'a b'({'k':1})", 'X := tool:"a b"({"k": 1})\n'),
        ("X := ( 1+2 )*3", "X := (1 + 2) * 3\n"),
        ("X := 1+(2*3)", "X := 1 + (2 * 3)\n"),
        ("X := (5).a", "X := (5).a\n"),
        ("X := 5 .a", "X := (5).a\n"),
        ("X := tool:a\n  .b({})", "X := tool:a .b({})\n"),
        ("X := not(a)", "X := not (a)\n"),
        ("X := - -a**-b", "X := --a ** -b\n"),
        ("X := [1,2,\n]", "X := [1, 2]\n"),
        ("X := {a:1,'b':2,}", 'X := {a: 1, "b": 2}\n'),
        ("X := f( a,k = 1 )", "X := f(a, k=1)\n"),
        ("X := (t:str)in x", "X := (t: str) in x\n"),
        ("X := a is  not b", "X := a is not b\n"),
        ("X :=\n  1 # c\n", "X := 1  # c\n"),
        ("X :=  # c\n  1\n", "X :=  # c\n    1\n"),
        ("import  a . b  as c #d", "import a.b as c  #d\n"),
        ("from a import b,\n  c", "from a import b, c\n"),
        ("p(x:T,) :=x", "p(x: T) := x\n"),
        ("def p( x : T ) :\n  x", "def p(x: T):\n    x\n"),
        ("raise 'a' if : x", 'raise "a" if:\n    x\n'),
        ("    X := 1\n    Y := 2\n", "X := 1\nY := 2\n"),
        ("X := 1\r\n# c\r\n", "X := 1\n# c\n"),
        ('X := """a\r\n   b"""', 'X := """a\n   b"""\n'),
    ],
)
def test_spelling(written: str, formatted: str) -> None:
    assert _formatted(written) == formatted


def test_groups_of_lines_stay_apart() -> None:
    assert _formatted(
        "\n\nimport a\nimport b\n\n\n\n\nX := 1\n# about the rule\n\n"
        "raise 'x' if:\n\n  a\n\n\n  b\n\n"
        "Y := 2\nraise 'y' if:\n  c\nraise 'z' if: d\n\n\n"
    ) == (
        "import a\nimport b\n\n\nX := 1\n# about the rule\n\n"
        'raise "x" if:\n    a\n\n    b\n\nY := 2\n\nraise "y" if:\n    c\n\nraise "z" if:\n    d\n'
    )


def test_a_whole_policy(text_snapshot: object) -> None:
    text = (Path(__file__).parent / "unformatted.inv").read_text("utf-8")
    assert _formatted(text) == text_snapshot


def test_lines_are_at_most_a_hundred_columns_where_they_can_be() -> None:
    items = ", ".join(f'"{"x" * 20}"' for _ in range(20))
    texts = (
        f"X := [{items}]",
        f"X := f({items})",
        f"X := {{{', '.join(f'k{n}: [{items}]' for n in range(3))}}}",
        f'raise "x" if:\n    c is tool:send({{to: [{items}]}})',
        f"X := m in [{items}]",
        "X := " + " and ".join(f"{'b' * 20} == {n}" for n in range(9)),
        "from a import " + ", ".join(f"a_long_name_{n}" for n in range(20)),
    )
    for text in texts:
        assert max(len(line) for line in _formatted(text).split("\n")) <= 100


def test_a_text_with_mistakes_is_not_formatted() -> None:
    with pytest.raises(PolicyError) as raised:
        format_source(Source("X = 1\nY := ]\n"))
    assert [found.line for found in raised.value.diagnostics] == [1, 2]
