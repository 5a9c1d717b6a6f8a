"""Hostile texts: deep, long and broken ones are answered, in time linear in their length."""

from __future__ import annotations

import time

import pytest

from policyc.grammar.parser import MAX_SYNTAX_ERRORS, parse
from policyc.grammar.source import Source

HANGING = 60
"""Seconds after which something counts as hanging; no measure of speed."""

_SIZE = 20_000


def _filled(piece: str) -> str:
    return piece * (_SIZE // len(piece))


_DEEP = {
    "round brackets": "X := " + "(" * 2000 + "1" + ")" * 2000,
    "lists": "X := " + "[" * 2000 + "]" * 2000,
    "objects": "X := " + "{a: " * 2000 + "1" + "}" * 2000,
    "calls": "X := " + "f(" * 2000 + ")" * 2000,
    "not": "X := " + "not " * 2000 + "a",
    "signs": "X := " + "-" * 2000 + "1",
    "powers": "X := 1" + " ** 2" * 2000,
    "sums": "X := 1" + " + 2" * 2000,
    "choices": "X := " + "a if b else " * 2000 + "c",
    "members": "X := a" + ".b" * 2000,
    "indexes": "X := a" + "[0]" * 2000,
    "calls of calls": "X := a" + "()" * 2000,
    "blocks": 'raise "x" if:\n' + "".join(" " * depth + "forall:\n" for depth in range(1, 300)),
    "bodies beside": 'raise "x" if: ' + "forall: " * 2000 + "a",
}


@pytest.mark.parametrize("name", _DEEP)
def test_deep_texts_are_refused_and_the_others_kept(name: str) -> None:
    parsed = parse(Source(f"{_DEEP[name]}\nY := 1\n"))
    assert [found.code for found in parsed.diagnostics] == ["E0109"]
    assert len(parsed.tree.statements) == 1


def test_moderate_nesting_is_fine() -> None:
    for text in (
        "(" * 90 + "1" + ")" * 90,
        "[" * 90 + "]" * 90,
        "a" + " + a" * 90,
        "not " * 90 + "a",
    ):
        assert parse(Source(f"X := {text}")).diagnostics == ()


_HOSTILE = {
    "openings": _filled("("),
    "closings": _filled(")"),
    "pairs": _filled("(]"),
    "quotes": _filled('"'),
    "triple quotes": _filled('"""\\'),
    "both triple quotes": _filled("\"\"\"\\'''\\"),
    "unclosed texts": _filled('"a\n'),
    "backslashes": _filled("\\"),
    "blank lines": _filled(" \n"),
    "comments": _filled("# a\n"),
    "comments after a line": "X := 1" + _filled("\n  # and") + "\nY",
    "comment signs": _filled("/*"),
    "bad lines": _filled("a && \n"),
    "bad bodies": 'raise "x" if:\n' + _filled("    a = b\n"),
    "one bad line": 'raise "x" if:\n' + _filled("    a == b\n") + "    a b\n",
    "bad rules": _filled("raise\n"),
    "headers": _filled('raise "x":\n'),
    "calls": _filled("x(\n"),
    "dots": _filled("a . \n"),
    "colons": _filled("a:"),
    "colon lines": _filled("a:\n"),
    "interpolations": 'X := f"' + _filled("{a + 1}") + '"',
    "braces": 'X := f"' + _filled("{"),
    "digits": "X := " + _filled("9"),
    "control characters": _filled("\x00"),
    "smart quotes": _filled("“"),
    "entities": _filled("&quot;"),
    "tools": _filled("tool:"),
    "indentation": "".join(" " * depth + "a:\n" for depth in range(280)),
    "foreign bodies": "for x in y:\n" + _filled("    a &&\n"),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_texts_are_answered(name: str) -> None:
    before = time.process_time()
    parsed = parse(Source(_HOSTILE[name]))
    assert len(parsed.diagnostics) <= MAX_SYNTAX_ERRORS
    # Two to eight tenths of a second on a slow machine; a quadratic answer would take minutes.
    assert time.process_time() - before < HANGING


def test_long_flat_texts_are_fine() -> None:
    text = (
        "X := ["
        + "1, " * 5000
        + "]\nY := "
        + " and ".join(["a"] * 5000)
        + "\n"
        + "import a\n" * 500
    )
    parsed = parse(Source(text))
    assert parsed.diagnostics == ()
    assert len(parsed.tree.statements) == 502
