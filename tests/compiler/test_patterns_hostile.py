"""Hostile texts: every question is answered or refused within its time, never wrongly."""

from __future__ import annotations

import contextlib
import time

import pytest

from policyc.compiler.patterns import (
    PatternLimit,
    PatternTimeout,
    compile_pattern,
    compile_value_pattern,
)

HANGING = [
    r"^(a+)+$",
    r"(.*)*x",
    r"(x+x+)+y",
    r"^([a-zA-Z0-9]+)*@x$",
    r"^(\w+\s?)*$",
    r"^(a|aa)+$",
    r".*.*=.*",
    r"\s+$",
    r"<!--.*?-->.*?<p>",
    r"(.*?,){11}P",
    r"(?:a?){30}a{30}",
    r"(a+)+\1$",
    r"(?<!x)(a+)+$",
    r"(?=(a+)+$)x",
    r"(\w+)\s+\1",
]
TEXTS = {
    "letters": "a" * 1_000_000 + "!",
    "blanks": " " * 1_000_000 + "x",
    "comments": "<!---->" * 140_000,
    "words": "aé " * 330_000 + "!",
    "signs": "=" * 1_000_000,
    "lines": "a\n" * 500_000,
    "commas": "," * 1_000_000,
}
SECONDS = 0.3
PATIENCE = 60
"""Seconds after which a call counts as hanging; no measure of speed, the machine may be busy."""


@pytest.mark.parametrize("pattern", HANGING)
def test_hanging_patterns_are_answered_or_refused_in_time(pattern: str) -> None:
    for text in TEXTS.values():
        for operation in ("search", "match", "fullmatch", "finditer"):
            start = time.monotonic()
            with contextlib.suppress(PatternLimit):
                getattr(compile_pattern(pattern), operation)(text, timeout=SECONDS)
            assert time.monotonic() - start < PATIENCE


@pytest.mark.parametrize("pattern", HANGING[:11])
def test_what_google_re2_can_take_is_answered(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.engine == "re2"
    for text in TEXTS.values():
        compiled.search(text, timeout=SECONDS)
        compiled.fullmatch(text, timeout=SECONDS)


def test_a_timeout_is_an_error_and_never_no_match() -> None:
    with pytest.raises(PatternTimeout, match=r"`\(a\+\)\+\\1\$` took more than 0.1 s"):
        compile_pattern(r"(a+)+\1$").search(TEXTS["letters"], timeout=0.1)


def test_many_matches_that_each_look_at_all_of_the_text_time_out() -> None:
    pattern = compile_pattern("a*b|a")
    assert pattern.engine == "re2"
    with pytest.raises(PatternTimeout):
        pattern.finditer(TEXTS["letters"], timeout=SECONDS)


def test_a_counted_repeat_that_makes_google_re2_slow_is_bounded() -> None:
    text = "ab" * 500_000
    start = time.monotonic()
    with pytest.raises(PatternTimeout):
        compile_pattern("(?s)a.{300}b[cd]").search(text, timeout=SECONDS)
    assert time.monotonic() - start < PATIENCE


def test_a_reference_without_case_is_refused_where_letters_outside_ascii_are() -> None:
    pattern = compile_pattern(r"(?i)(\w+) \1")
    assert pattern.search("ab " * 500 + "x X" * 400) is not None
    with pytest.raises(PatternLimit, match="cannot be applied safely"):
        pattern.search("éa " * 500)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?!x)(?:ab|c){1000000}",
        "(?!x)(?:(?:ab|c){1000}){1000}",
        "(?!x)(?:(?:(?:[ab]c?|c){99}){99}){99}",
        "(?!x)" + "(?:" * 50 + "ab|b" + ")+?" * 50 + "c",
    ],
)
def test_repeats_that_no_engine_can_write_out_are_refused(pattern: str) -> None:
    with pytest.raises(PatternLimit, match="cannot be applied safely"):
        compile_pattern(pattern).search("ab" * 50_000)


def test_huge_counts_without_loops_are_answered() -> None:
    assert compile_value_pattern("a{0,1000000}").fullmatch("a" * 5000) == (0, 5000)


def test_texts_with_many_kinds_of_characters_are_answered() -> None:
    """Each character below is a kind of its own: more than google-re2 has bytes for."""
    chars = [chr(0x400 + n) for n in range(200)]
    pattern = compile_pattern("(?:" + "|".join(f"{char}{char}" for char in chars) + ")+!")
    assert pattern.engine == "re2"
    text = "".join(2 * char for char in chars)
    assert pattern.fullmatch(text + "!", timeout=5) == (0, 401)
    few = "aa" * 300 + 2 * chars[5] + "!"
    assert pattern.search(few) == (600, 603)
