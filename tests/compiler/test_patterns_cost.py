"""The proof that a pattern may run in `re`: what passes, what does not, and that it holds."""

from __future__ import annotations

import re
import time

import pytest

from policyc.compiler.patterns_cost import STEPS, UNLIMITED, Mode, longest_text, peak
from policyc.compiler.patterns_tree import parse_tree


def _longest(text: str, mode: Mode, *, has_linear_engine: bool = True) -> int:
    tree = parse_tree(text, 0, is_dollar_end=False)
    return longest_text(tree, mode, has_linear_engine=has_linear_engine)


@pytest.mark.parametrize(
    "text",
    [
        r'"[^"]*"',
        r"https?://[^\s/]+/",
        r"(?:secret|token)\s*[:=]\s*\S+",
        r"^\s*(rm|del)\s+-rf\s+/",
        r"^(?!.*draft).*$",
        r"(?<=token=)\w+",
        r"\d{3}-\d{2}-\d{4}",
        r"""(['"])[^'"]*\1""",
        r"x\s*\w+",
    ],
)
def test_linear_searches_have_no_limit(text: str) -> None:
    assert _longest(text, Mode.SEARCH) == UNLIMITED


@pytest.mark.parametrize("text", [r"\s+$", r"\w+@\w+\.com", "foo.*bar", ".*x"])
def test_searches_that_start_again_and_again_are_for_short_texts(text: str) -> None:
    assert _longest(text, Mode.MATCH) == UNLIMITED
    assert 0 < _longest(text, Mode.SEARCH) <= 1000


@pytest.mark.parametrize(
    "text",
    [
        r"^(a+)+$",
        r"(.*)*x",
        r"(x+x+)+y",
        r"^([a-zA-Z0-9]+)*@x$",
        r"^(\w+\s?)*$",
        r"^(a|aa)+$",
        r"(a|a)*b",
        r".*.*=.*",
        r"<!--.*?-->.*?<p>",
        r"(?:a?){20}a{20}",
        r"(\w+) \1",
        r"(?i)(s+|\u017f+)*x",
        r"(é+|\w)*x",
        r"([^é]+|\w)*x",
        r"(?:a|b?)*c",
    ],
)
@pytest.mark.parametrize("mode", list(Mode))
def test_explosive_patterns_have_no_proof(text: str, mode: Mode) -> None:
    assert _longest(text, mode) == 0


def test_a_trailing_loop_cannot_fail_but_in_a_full_match() -> None:
    tree = parse_tree(r"(a|b)*.*", 0, is_dollar_end=False)
    assert peak(tree, Mode.MATCH) is not None
    assert _longest(r".*a.*", Mode.FULLMATCH) == 0
    assert _longest(r"(?s).*a.*", Mode.FULLMATCH) == UNLIMITED


def test_without_loops_the_work_of_an_attempt_is_known() -> None:
    assert _longest("a{20}", Mode.MATCH) == UNLIMITED
    assert _longest("|".join(f"word{n}" for n in range(200)), Mode.SEARCH) == STEPS // (200 * 7)


def test_more_is_tried_for_patterns_that_have_no_other_engine() -> None:
    text = r"(?<!\d)\d{16}(?!\d)"
    assert _longest(text, Mode.SEARCH) < UNLIMITED
    assert _longest(text, Mode.SEARCH, has_linear_engine=False) == UNLIMITED


@pytest.mark.parametrize(
    "text", [r"(?:ab?)*c", r"(?:a|b)*c", r"^(?:\w+ )*x", r"(?=.*\d)(?=.*[a-z]).{8,}", r"a*b*c*d"]
)
def test_a_proof_holds_on_long_texts(text: str) -> None:
    assert _longest(text, Mode.MATCH) == UNLIMITED
    compiled = re.compile(text)
    for word in ("a", "ab", "b", "a ", "abc ", "1a"):
        start = time.process_time()
        compiled.match(word * 20_000)
        assert time.process_time() - start < 0.2
