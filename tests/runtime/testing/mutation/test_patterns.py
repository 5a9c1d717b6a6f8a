"""Changes of regular expressions: pieces with their places, and always another valid pattern."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime.testing.mutation.examples import rule

from policyc.compiler.patterns import PatternError, compile_pattern
from policyc.grammar.source import Source
from policyc.grammar.strings import read_string
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.operators import patterns
from policyc.runtime.testing.mutation.operators.regexes import Option, options_of
from policyc.runtime.testing.mutation.samples import telling_text


def changed(pattern: str, kind: str, *, condition: str = "any(find({}, m.content))") -> list[str]:
    source = rule("(m: Message)", "(c: ToolCall)", condition.format(f'"{pattern}"'))
    found = find_mutants([Source(source)], kinds=[f"pattern-{kind}"])
    return [read_string(mutant.replaced) for mutant in found.mutants]


MATCH = "match({}, m.content)"
VALUE = "c is tool:f({{to: {}}})"


@pytest.mark.parametrize(
    ("pattern", "kind", "expected"),
    [
        (r"a\.b", "widened", ["a.b"]),
        (r"[a-z]\d+", "widened", [r".\d+", r"[a-z]\d*"]),
        (r"a{2,3}", "widened", ["a{1,3}", "a{2,4}"]),
        (r"a{2}", "widened", ["a{1,2}", "a{2,3}"]),
        (r"a(?=b)", "widened", ["a"]),
        (r"[]x]y", "widened", [".y"]),
        (r"[^]\]]y", "widened", [".y"]),
        (r"a*b?c+", "narrowed", ["a+b?c+", "a*bc+", "a*b?c"]),
        (r"a{2,3}", "narrowed", ["a{3,3}", "a{2,2}"]),
        (r"(?i)a|b", "narrowed", ["a|b", "(?i)b", "(?i)a"]),
        (r"x(a|b|c)", "narrowed", ["x(b|c)", "x(a|c)", "x(a|b)"]),
        (r"(?im)a", "narrowed", ["(?m)a"]),
        (r"^a\b$", "unanchored", [r"a\b$", "^a$", r"^a\b"]),
        (r"a|b", "anchored", ["^(?:a|b)", "(?:a|b)$"]),
        (r"(?i)a", "anchored", ["(?i)^a", "(?i)a$"]),
    ],
)
def test_a_pattern_that_is_searched(pattern: str, kind: str, expected: list[str]) -> None:
    assert changed(pattern, kind) == expected


def test_a_pattern_at_the_start_is_let_go_of_it() -> None:
    assert changed("a|b", "unanchored", condition=MATCH) == [".*(?:a|b)"]
    assert changed(".*a", "anchored", condition=MATCH) == ["a", ".*a$"]


def test_a_value_is_held_at_both_ends() -> None:
    assert changed("a+", "unanchored", condition=VALUE) == [".*a+", "a+.*"]
    assert changed(".*a.*", "anchored", condition=VALUE) == ["a.*", ".*a"]


def test_patterns_with_blanks_that_mean_nothing_are_left_alone() -> None:
    assert changed("(?x) a + b", "narrowed") == []


def test_a_constant_that_is_a_pattern_is_changed_as_one() -> None:
    source = rule("(m: Message)", "any(find(WORD, m.content))", before='WORD := r"a\\.b"\n')
    found = find_mutants([Source(source)], kinds=["pattern-widened", "text-changed"])
    assert [(x.kind, x.line, x.replaced) for x in found.mutants] == [
        ("pattern-widened", 1, 'r"a.b"')
    ]


PIECES = st.sampled_from(
    [
        *"ab.^$|()[]{}*+?\\-,1 ",
        "\\d",
        "\\b",
        "[a-c]",
        "[^x]",
        "(?:",
        "(?i)",
        "(?=",
        "(?<!",
        "(?P<n>",
        "{2}",
        "{1,2}",
        "+?",
        "(?P=n)",
        "\\1",
        "(?(1)a|b)",
        "(?#x)",
        "\\x41",
        "\\.",
        "(?>",
        "(?s:",
    ]
)


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=10).map("".join))
def test_every_change_of_any_pattern_is_another_valid_pattern(pattern: str) -> None:
    try:
        compile_pattern(pattern)
    except PatternError:
        return
    assert _covers(pattern, options_of(pattern), 0, len(pattern))
    for change in (patterns._wider, patterns._narrower, patterns._unanchored, patterns._anchored):
        for uses in ({"search"}, {"match"}, {"fullmatch"}):
            for made in change(pattern, frozenset(uses)):  # type: ignore[arg-type]  # literals
                assert isinstance(made, str)


def _covers(pattern: str, options: tuple[Option, ...], start: int, end: int) -> bool:
    """Whether options and their pieces lie side by side without a gap."""
    at = start
    for number, option in enumerate(options):
        if number:
            assert pattern[at] == "|"
            at += 1
        assert option.start == at
        for piece in option.pieces:
            assert piece.start == at
            assert piece.start < piece.end <= piece.stop
            at = piece.stop
            if piece.options:
                assert _covers(pattern, piece.options, piece.options[0].start, piece.end - 1)
        assert option.end == at
    return at == end


@pytest.mark.parametrize(
    ("before", "after", "use"),
    [
        (r"a\.b", "a.b", "search"),
        ("(?i)hello", "hello", "search"),
        ("^a", "a", "search"),
        ("a", ".*a", "match"),
        ("a+", "a+.*", "fullmatch"),
        (r"rm\s(-\S*\s)*-r", r"rm\s(-.*\s)*-r", "search"),
        ("[^;]*x", ".*x", "fullmatch"),
        (r"[a-z]{2,3}@x", r"[a-z]{2,4}@x", "fullmatch"),
    ],
)
def test_a_text_is_found_that_tells_two_patterns_apart(
    before: str, after: str, use: patterns.Use
) -> None:
    text = telling_text(before, after, use)
    assert text is not None
    matches = [
        getattr(compile_pattern(pattern, flags="s$" if use == "fullmatch" else ""), use)(text)
        for pattern in (before, after)
    ]
    assert (matches[0] is None) != (matches[1] is None)


def test_no_text_is_made_up_where_none_tells() -> None:
    assert telling_text("aa*", "a+", "search") is None
