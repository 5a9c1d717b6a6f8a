# ruff: noqa: RUF001 - the ambiguous characters are what some mistakes are about
"""Mistakes of single lines, as people write them who come from other languages, pages and chats.

Each line stands in a rule between two good ones. It gives exactly the codes beside it, at its own
line; the rule stays in the tree, with the line where it is clear what was meant (`mended`), without
it where it is not.
"""

from __future__ import annotations

import re

import pytest

from policyc.grammar import nodes
from policyc.grammar.parser import Parsed, parse
from policyc.grammar.rendering import render_text
from policyc.grammar.source import Source

_MENDED = {
    "operators": [
        ("a && b", "E0202"),
        ("a || b", "E0202"),
        ("a & b", "E0202"),
        ("a | b", "E0202"),
        ("!a", "E0202"),
        ("a and !b.c", "E0202"),
        ("a === b", "E0202"),
        ("a !== b", "E0202"),
        ("a <> b", "E0202"),
        ("a =< b", "E0202"),
        ("a => b", "E0202"),
        ("a --> b", "E0202"),
        ("a?.b", "E0202"),
        ("a AND b", "E0202"),
        ("NOT a", "E0202"),
        ("a equals b", "E0202"),
        ("a not is b", "E0230"),
        ("a is not in b", "E0230"),
        ("a is in b", "E0230"),
        ("a >> b", "E0202"),
        ("(a: ToolCall) then (b: ToolCall)", "E0202"),
        ("(a: ToolCall) followed by (b: ToolCall)", "E0202"),
        ('a == User::"bob"', "E0202"),
        ("(c: ToolCall) c is tool:x", "E0225"),
        ('(c: ToolCall, name="x")', "E0233"),
        ("(a: ToolCall, b: ToolCall)", "E0233"),
        ("a === 'x' && !b || c", "E0202", "E0202", "E0202", "E0202"),
    ],
    "equals": [
        ('m.role = "user"', "E0203"),
        ("a = len(m)", "E0203"),
        ("f(a) = 1", "E0203"),
    ],
    "characters": [
        ("m.content == “abc”", "E0101"),
        ("m.content == ‘don't’", "E0101"),
        ('m.content == "abc”', "E0101"),
        ("a → b", "E0101"),
        ("a ≥ 3", "E0101"),
        ("a ≤ 3", "E0101"),
        ("a ≠ 3", "E0101"),
        ("（a == b）", "E0101", "E0101"),
        ("a\u00a0== b", "E0101"),
        ("m.ro\u200ble == b", "E0101"),
        ("a == b\ufeff", "E0101"),
        ("a == b\x0c", "E0101"),
        ("a &gt;= b", "E0110"),
        ("a == &quot;b&quot;", "E0110"),
        ("... a == b", "E0110"),
        ("3 | a == b", "E0110"),
        ("a == \\\n        b", "E0101"),
    ],
    "brackets": [
        ("f(a", "E0107"),
        ("f(a, [b, c)", "E0107"),
        ("f(a))", "E0108"),
        ("f(a]", "E0108"),
        ("(a, b) == c", "E0209"),
        ("a in {b, c}", "E0210"),
        ('a in {"b"}', "E0210"),
        ("() == a", "E0201"),
    ],
    "literals": [
        ("a == 1_000", "E0227"),
        ("a == 0x1F", "E0227"),
        ('b"abc" == a', "E0219"),
        ("match(/ab+c/, a)", "E0219"),
        ("`abc` in a", "E0219"),
        ("$a == b", "E0220"),
        ("a == @b", "E0220"),
        ('["a" "b"] == c', "E0225"),
        ('a == "a" "b"', "E0225"),
        ("f(a b)", "E0225"),
    ],
    "lines": [
        ("a;", "E0228"),
        ("a; b", "E0228"),
        ("a // a comment here", "E0208"),
        ("a /* comment */ == 1", "E0208"),
        ("/* comment */ a", "E0208"),
        ("any(x for x in y)", "E0211"),
        ("(x for x in y) == a", "E0211"),
        ("(a: Message | ToolCall)", "E0233"),
        ("(a: list[str])", "E0233"),
        ("(Message a)", "E0233"),
        ("a: Message", "E0233"),
    ],
}

_LEFT_OUT = {
    "statements": [
        ('if m.role == "user":', "E0206"),
        ('if (m.role == "user") {', "E0206"),
        ("for x in y:", "E0206"),
        ("while a < 3:", "E0206"),
        ("return a", "E0206"),
        ("else:", "E0206"),
        ("elif a:", "E0206"),
        ("try:", "E0206"),
        ("with a as b:", "E0206"),
        ("class A:", "E0206"),
        ("let a = 1", "E0206"),
        ("assert a", "E0206"),
        ("del a", "E0206"),
        ("yield a", "E0206"),
        ("some i in a", "E0206"),
        ("import a", "E0215"),
        ("from a import b", "E0215"),
        ('raise "b" if:', "E0218"),
        ("p(x: T) := a", "E0218"),
        ("def p(x: T):", "E0218"),
        ("@decorator", "E0213"),
        ("// only a comment", "E0208"),
        ("-- only a comment", "E0208"),
        ("```", "E0110"),
        ("}", "E0228"),
        (")", "E0108"),
    ],
    "expressions": [
        ("a[1:2]", "E0207"),
        ("a[:3]", "E0207"),
        ("a[::2]", "E0207"),
        ("a == lambda x: x", "E0229"),
        ("any(lambda x: x > 1, a)", "E0229"),
        ("a.filter(x => x.b)", "E0229"),
        ("any([x for x in y for z in x])", "E0211"),
        ("any([x for x in y if a if b])", "E0211"),
        ("any([x for x, y in z])", "E0211"),
        ("{x: y for x in z} == a", "E0211"),
        ("f(*a)", "E0212"),
        ("f(**a)", "E0212"),
        ("f(a := 1)", "E0214"),
        ("a.b := 1", "E0214"),
        ("a += 1", "E0214"),
        ("x := y := 1", "E0214"),
        ("x, y := a", "E0209"),
        ("a ? b : c", "E0221"),
        ("a if b", "E0221"),
        ("[x for x in a if b else c]", "E0221"),
        ("a ?? b", "E0202"),
        ("a =~ b", "E0202"),
        ("a // 2", "E0202"),
        ('a contains "x"', "E0202"),
        ('a startswith "x"', "E0202"),
        ('a ~= "x"', "E0202"),
        ("a |> lower", "E0202"),
        ("a == not b", "E0230"),
        ("a b", "E0225"),
        ('print "x"', "E0225"),
        ("a..b", "E0201"),
        ("a == b and and c", "E0201"),
        ("f(,)", "E0201"),
        ("[1,,2]", "E0201"),
        ("{a: }", "E0201"),
        ("{1: 2} == a", "E0210"),
        ("{f(a): 2} == b", "E0210"),
        ("(a: )", "E0233"),
        ("tool:", "E0201"),
        ("if := 1", "E0223"),
    ],
    "texts and numbers": [
        ('m.content == "abc', "E0106"),
        ("m.content == 'abc", "E0106"),
        ("12abc == a", "E0227"),
        ("1.2.3 == a", "E0227"),
        ("1e999 == a", "E0227"),
        (f"{'9' * 400} == a", "E0227"),
        ("é == 1", "E0101"),
        ("a == ¤", "E0101"),
        ('f"{a" == b', "E0224"),
        ('f"{a["b"]}" == c', "E0224"),
    ],
    "quantifiers": [
        ("forall m in a:", "E0216"),
        ("forall (m: Message):", "E0216"),
        ("count(c: ToolCall, min=2, max=3):", "E0216"),
        ("exists(c: ToolCall):", "E0216"),
        ('m.role == "x":', "E0216"),
        ("not a.b:", "E0216"),
    ],
}


def _policy(line: str) -> str:
    return f'raise "x" if:\n    (m: Message)\n    {line}\n    last == 1\n'


def _cases(groups: dict[str, list[tuple[str, ...]]]) -> list[tuple[str, list[str]]]:
    return [(line, list(codes)) for rows in groups.values() for line, *codes in rows]


def _body(parsed: Parsed) -> tuple[nodes.Line, ...]:
    (rule,) = parsed.tree.statements
    assert isinstance(rule, nodes.Rule)
    return rule.body


@pytest.mark.parametrize(("line", "codes"), _cases(_MENDED))
def test_a_line_that_is_read_as_meant(line: str, codes: list[str]) -> None:
    parsed = parse(Source(_policy(line)))
    assert [found.code for found in parsed.diagnostics] == codes
    assert {found.line for found in parsed.diagnostics} == {3}
    assert len(_body(parsed)) == 3


@pytest.mark.parametrize(("line", "codes"), _cases(_LEFT_OUT))
def test_a_line_that_is_left_out(line: str, codes: list[str]) -> None:
    parsed = parse(Source(_policy(line)))
    assert [found.code for found in parsed.diagnostics] == codes
    assert {found.line for found in parsed.diagnostics} == {3}
    assert len(_body(parsed)) == 2


_INNER_NAMES = re.compile(
    r"\b[A-Z]{2,}_?[A-Z]*\b|__|NoneType|\bstr\b|\bint\b|\btuple\b|[Tt]oken|[Tt]erminal|"
    r"NAME\b|EOF|\bnode\b|\bparser?\b|lambda"
)
_WORDS_OF_THE_TEXT = re.compile(r"`[^`]*`|U\+[0-9A-F]+")


@pytest.mark.parametrize("group", [*_MENDED, *_LEFT_OUT])
def test_messages_of_a_group(group: str, text_snapshot: object) -> None:
    """The whole of what a person sees, to be read in one place."""
    rows = {**_MENDED, **_LEFT_OUT}[group]
    shown = []
    for line, *_ in rows:
        diagnostics = parse(Source(_policy(line), "policy.inv")).diagnostics
        for found in diagnostics:
            said = _WORDS_OF_THE_TEXT.sub("", f"{found.message} {found.help or ''}")
            assert not _INNER_NAMES.search(said)
            assert found.message[0] not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            assert not found.message.endswith(".")
        shown.append(render_text(diagnostics))
    assert "\n".join(shown) == text_snapshot
