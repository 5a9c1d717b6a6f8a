"""Files with several mistakes: each is found in one run, and what is well is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.grammar import nodes
from policyc.grammar.parser import Parsed, parse
from policyc.grammar.source import Source


def _codes(parsed: Parsed) -> list[tuple[str, int]]:
    return [(found.code, found.line) for found in parsed.diagnostics]


def _kinds(parsed: Parsed) -> list[str]:
    return [type(statement).__name__ for statement in parsed.tree.statements]


def test_every_mistake_of_a_file_is_found() -> None:
    parsed = parse(
        Source(
            """\
from invariant import *
LIMIT = 3
p(m: Message) := m.role == "user"

raise "a" if:
    (m: Message)
    m.role = "user"
    m.content === "x" && !m.y || (a, b)
    for x in y:
        z == 1
    else:
        q
    m.content ==

raise "b" if
    (c: ToolCall)
    c is tool:send({to: /x/})

deny[x] {
    y == 1
}

raise "c" if:
    (o: ToolOutput)
"""
        )
    )
    assert _codes(parsed) == [
        ("E0215", 1),
        ("E0203", 2),
        ("E0203", 7),
        ("E0202", 8),
        ("E0202", 8),
        ("E0202", 8),
        ("E0202", 8),
        ("E0209", 8),
        ("E0206", 9),
        ("E0201", 13),
        ("E0204", 15),
        ("E0219", 17),
        ("E0222", 19),
    ]
    assert _kinds(parsed) == ["ConstantDeclaration", "Predicate", "Rule", "Rule", "Rule"]
    bodies = [s.body for s in parsed.tree.statements if isinstance(s, nodes.Rule)]
    assert [len(body) for body in bodies] == [3, 2, 1]


@pytest.mark.parametrize(
    ("text", "codes", "kinds"),
    [
        # headers
        ('raise "x" if\n    a\n', [("E0204", 1)], ["Rule"]),
        ('raise "x" if m == 1:\n    a\n', [("E0204", 1)], ["Rule"]),
        ('raise "x" if m == 1\n', [("E0204", 1)], ["Rule"]),
        ('raise "x":\n    a\n', [("E0204", 1)], ["Rule"]),
        ('raise "x"\n    a\n', [("E0204", 1)], ["Rule"]),
        ('raise "x"\n', [("E0204", 1)], []),
        ('raise "x" when:\n    a\n', [("E0204", 1)], ["Rule"]),
        ('raise "x", m if:\n    a\n', [("E0204", 1)], ["Rule"]),
        ('raise Violation("x" if:\n    a\n', [("E0107", 1)], ["Rule"]),
        ('raise Violation "x" if:\n    a\n', [("E0225", 1)], ["Rule"]),
        ('raise f"{a!r}" if:\n    b &&\n', [("E0224", 1), ("E0202", 2), ("E0201", 2)], []),
        ('raise "x" if {\n    a\n}\n', [("E0228", 1)], ["Rule"]),
        (
            'raise "x" if {\n    a && b\n    c = 1;\n}\n',
            [("E0228", 1), ("E0202", 2), ("E0203", 3), ("E0228", 3)],
            ["Rule"],
        ),
        ('raise "x" if {\n    a\n', [("E0228", 1)], ["Rule"]),
        ("raise 'can't' if:\n    a\n", [("E0225", 1)], ["Rule"]),
        ('raise "x" if: {\n    a\n}\n', [("E0228", 1)], ["Rule"]),
        ("raise if:\n    a\n", [("E0205", 1)], ["Rule"]),
        ("raise\n", [("E0205", 1)], []),
        ("raise “x” if:\n    a\n", [("E0101", 1)], ["Rule"]),
        # declarations
        ("X = 1\n", [("E0203", 1)], ["ConstantDeclaration"]),
        ("X == 1\n", [("E0203", 1)], ["ConstantDeclaration"]),
        ("X: 1\n", [("E0203", 1)], ["ConstantDeclaration"]),
        ("X: int = 1\n", [("E0203", 1)], ["ConstantDeclaration"]),
        ("X := 1;\n", [("E0228", 1)], ["ConstantDeclaration"]),
        ("X :=\n    1\n    2\n", [("E0226", 3)], ["ConstantDeclaration"]),
        ("def p(m):\n    a\n", [("E0233", 1)], ["Predicate"]),
        ("def p(m: T) -> bool:\n    a\n", [("E0233", 1)], ["Predicate"]),
        ("def p(m: T, n=1):\n    a\n", [("E0233", 1)], ["Predicate"]),
        ("p(m: T = 1) := a\n", [("E0233", 1)], ["Predicate"]),
        ("p(m: T) = a\n", [("E0203", 1)], ["Predicate"]),
        ("def p(m: T):\n    return a\n    b\n", [("E0206", 2)], ["Predicate"]),
        # imports
        ("from .a import b\n", [("E0215", 1)], []),
        ("from a import (b, c)\n", [("E0215", 1)], ["ImportFrom"]),
        ("from a import b.c\n", [("E0215", 1)], []),
        ("from a import b c\n", [("E0215", 1)], ["ImportFrom"]),
        ("import a, b\n", [("E0215", 1)], []),
        ('import {a} from "b"\n', [("E0215", 1)], []),
        ("from a import\n", [("E0201", 1)], []),
        # other languages
        ('if m == 1:\n    raise "x"\n', [("E0206", 1)], []),
        ("for a in b:\n    if a:\n        c\n    else:\n        d\n", [("E0206", 1)], []),
        ("class A:\n    b = 1\n", [("E0206", 1)], []),
        ("function f(x) {\n    return x;\n}\n", [("E0206", 1)], []),
        ("package a\n\ndefault allow = false\n", [("E0222", 1), ("E0222", 3)], []),
        ("allow if {\n    input.a == 1\n    b\n}\n", [("E0222", 1)], []),
        ('permit(\n    a == B::"c"\n) when { d };\n', [("E0222", 1)], []),
        ('@id("a")\nforbid(a, b);\n', [("E0213", 1), ("E0222", 2)], []),
        ('rule "a" {\n    when: b\n}\n', [("E0222", 1)], []),
        # copied from a page
        ('```\nraise "x" if:\n    a\n```\n', [("E0110", 1), ("E0110", 4)], ["Rule"]),
        ('>>> raise "x" if:\n...     a\n', [("E0110", 1)], ["Rule"]),
        ('1  raise "x" if:\n2      (m: T)\n', [("E0110", 1)], ["Rule"]),
        (
            '1 raise "x" if:\n2     a\n3\n4 raise "y" if:\n5     n := b\n',
            [("E0110", 1)],
            ["Rule"] * 2,
        ),
        ('raise "x" if:\n    a\n    ...\n', [("E0110", 3)], ["Rule"]),
        ("Here's the policy you want:\n\nX := 1\n", [("E0110", 1)], ["ConstantDeclaration"]),
        ("X := 1\n\nLet me know if it works.\n", [("E0110", 3)], ["ConstantDeclaration"]),
        ('$ cat a.inv\nraise "x" if:\n    a\n', [("E0110", 1)], ["Rule"]),
        (
            '> raise "x" if:\n>     a\n>\n> X := 1\n',
            [("E0110", 1)],
            ["Rule", "ConstantDeclaration"],
        ),
        ('>>> raise "x" if:\n...     a\n...\n', [("E0110", 1)], ["Rule"]),
        ('// a\nraise "x" if:\n    a\n', [("E0208", 1)], ["Rule"]),
        ('/* don\'t\n   a */\nraise "x" if:\n    a\n', [("E0208", 1)], ["Rule"]),
        # what swallows the rest
        ('X := [1,\nraise "x" if:\n    a\n', [("E0107", 1)], ["Rule"]),
        ('X := """a\nb\n\nraise "x" if:\n    a\n', [("E0106", 1)], ["Rule"]),
        ('X := 1 +\nraise "x" if:\n    a\n', [("E0201", 1)], ["Rule"]),
        ('raise "x if:\n    a\nraise "y" if:\n    b\n', [("E0106", 1)], ["Rule"] * 2),
        # lines that belong to no rule
        ("m == 1\n", [("E0231", 1)], []),
        ("X := 1\n    m == 1\n", [("E0231", 2)], ["ConstantDeclaration"]),
        ('(m: T)\nraise "x" if:\n    a\n', [("E0231", 1)], ["Rule"]),
    ],
)
def test_mistakes_of_a_file(text: str, codes: list[tuple[str, int]], kinds: list[str]) -> None:
    parsed = parse(Source(text))
    assert _codes(parsed) == codes
    assert _kinds(parsed) == kinds


def test_lost_names_are_those_of_text_that_did_not_parse() -> None:
    parsed = parse(Source("from a import *, b\nX := [1 2 3\ndef p(m: T):\n    y := 1 2\n    z\n"))
    assert {"a", "b", "y"} <= parsed.lost_declarations
    assert "p" not in parsed.lost_declarations
    assert parse(Source("X := 1")).lost_declarations == frozenset()


def test_places_of_mended_text_are_those_of_the_file() -> None:
    source = Source('raise "x" if:\n    a && !b\n    c === “d”\n')
    (rule,) = parse(source).tree.statements
    assert isinstance(rule, nodes.Rule)
    assert [source.slice(line.span) for line in rule.body] == ["a && !b", "c === “d”"]


_PIECES = st.sampled_from(
    [
        *"()[]{}:;,.=!&|<>+-*/%$@\\`'\"#\n\t éß“→\u200b\x00\r",
        "    ", "\n    ", "raise ", "if", " if:\n    ", "import ", "from ", "def ", ":=", "->",
        "not ", "in ", "is ", "for ", "else", '"text"', 'f"{x}"', '"""', "'''", "tool:", "tool:a-b",
        "m", "x.y", "1", "1.5", "(m: Message)", "forall:\n", "count(min=1):", "&gt;", "```", "/*",
        "*/", "lambda x: ",
    ]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=40).map("".join))
def test_no_text_raises_and_places_are_in_the_text(text: str) -> None:
    source = Source(text)
    for found in parse(source).diagnostics:
        assert 0 <= found.span.start <= found.span.end <= len(source.text)
        assert found.message
        assert "\n" not in found.message
