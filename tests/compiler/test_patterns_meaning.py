"""What a pattern matches as a text: equal texts only for patterns that match the same."""

from __future__ import annotations

import re
from itertools import combinations, product

import pytest

from policyc.compiler.patterns import compile_pattern, compile_value_pattern
from policyc.compiler.patterns_meaning import Question, meaning


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("(a)(?:b)", "ab", "find"),
        ("a{1}", "a", "find"),
        ("a{2,}", "aa", "match"),
        ("ab*", "a", "match"),
        ("a+?", "a", "match"),
        ("[a]", "a", "find"),
        ("a*?b", "a*b", "match"),
        ("(a|b)+", "(?:a|b)", "match"),
    ],
)
def test_the_same(one: str, other: str, question: Question) -> None:
    assert meaning(one, question) == meaning(other, question)


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("a", "b", "find"),
        ("ab*", "a", "find"),
        ("a*?", "a*", "find"),
        ("(?i)a", "a", "find"),
        (r"(a)\1", r"(?:a)a", "find"),
        ("(a)", "a", "value"),
        ("(", ")", "find"),
        ("a*+", "a", "match"),
    ],
)
def test_not_the_same(one: str, other: str, question: Question) -> None:
    assert meaning(one, question) != meaning(other, question)


PIECES = ("a", "b", ".", ".*", "a*", "b+", "(a|b)", "a?", "$", "^", "(?i)A", "[ab]", "a{1,2}")
TEXTS = ["".join(x) for size in range(4) for x in product("abA\n", repeat=size)] + list(PIECES)


def answers(pattern: str, question: Question) -> list[object]:
    match question:
        case "find":
            return [compile_pattern(pattern).finditer(text) for text in TEXTS]
        case "match":
            return [compile_pattern(pattern).match(text) is not None for text in TEXTS]
        case "value":
            value = compile_value_pattern(pattern)
            return [text == pattern or value.fullmatch(text) is not None for text in TEXTS]


@pytest.mark.parametrize("question", ["find", "match", "value"])
def test_patterns_of_the_same_meaning_answer_alike(question: Question) -> None:
    patterns = ["".join(x) for size in (1, 2) for x in product(PIECES, repeat=size)]
    patterns += [f"(?:{x})" for x in PIECES if "?i" not in x]
    groups: dict[str, list[str]] = {}
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error:
            continue
        groups.setdefault(meaning(pattern, question), []).append(pattern)
    pairs = [pair for group in groups.values() for pair in combinations(group, 2)]
    assert pairs
    for one, other in pairs:
        assert answers(one, question) == answers(other, question), (one, other)
