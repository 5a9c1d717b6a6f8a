"""Every engine gives the answers of `re`, on random patterns and texts."""

from __future__ import annotations

import re
import warnings
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policyc.compiler.patterns import Pattern, PatternLimit

LETTERS = "abAB1_ -\n\té٣k\u212a\u2014\ud800"
"""Letters, a digit, blanks, a newline, signs; outside ASCII a letter, a digit, a letter with an
ASCII lower case, a sign, and half a character."""

texts = st.text(alphabet=LETTERS, max_size=12)
small_texts = st.text(alphabet="aab\n", max_size=8)

_chars = st.sampled_from(["a", "b", "A", "1", "-", r"\.", "é", "k", r"\n", "_"])
_sets = st.sampled_from(
    [
        ".",
        r"\w",
        r"\d",
        r"\s",
        r"\W",
        r"\S",
        r"\D",
        "[ab]",
        "[^a]",
        r"[^\w]",
        r"[\d-]",
        "[a-é]",
        r"[\s\S]",
        "(?i:k)",
        "[^K]",
        "(?s:.)",
        r"(?a:\w)",
        "(?i:[^k])",
        r"[^\n]",
    ]
)
_places = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\Z", "(?m:^)", "(?m:$)"])
_counts = st.sampled_from(
    ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{,2}", "{2,}", "{1,2}?"]
)
_possessive = st.sampled_from(["*+", "++", "?+", "{1,2}+"])


def _plain(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        inner.map(lambda body: f"({body})"),
        st.tuples(inner, _counts).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    )


def _any(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _plain(inner),
        st.tuples(st.sampled_from(["?=", "?!", "?>"]), inner).map(lambda p: f"({p[0]}{p[1]})"),
        st.tuples(st.sampled_from(["?<=", "?<!"]), _chars).map(lambda p: f"({p[0]}{p[1]})"),
        st.tuples(inner, _possessive).map(lambda p: f"(?:{p[0]}){p[1]}"),
        inner.map(lambda body: body if "(?P<g>" in body else f"(?P<g>{body})(?P=g)"),
        inner.map(lambda body: body if "(?P<" in body else f"(?P<c>{body})?(?(c)a|b)"),
    )


_atoms = st.one_of(_chars, _sets, _places)
_small = st.sampled_from(["a", "b", "", "[ab]", ".", "$", "^"])

plain_patterns = st.recursive(_atoms, _plain, max_leaves=12)
patterns = st.recursive(_atoms, _any, max_leaves=12)
loops = st.recursive(_small, _plain, max_leaves=8)
"""Loops in loops over next to nothing: what empty repeats are like."""


def _answers(source: Any, text: str) -> dict[str, Any]:
    places: dict[str, Any] = {}
    for operation in ("search", "match", "fullmatch"):
        found = getattr(source, operation)(text)
        places[operation] = found.span() if isinstance(found, re.Match) else found
    found = source.finditer(text)
    places["finditer"] = [f.span() if isinstance(f, re.Match) else f for f in found]
    return places | {"findall": source.findall(text), "split": source.split(text)}


def _only(engine: str, text: str) -> Pattern:
    """A pattern whose every question goes to one engine, whatever is proven of it."""
    pattern = Pattern(text)
    lengths = dict.fromkeys(["_longest_search", "_longest_match", "_longest_fullmatch"], -1)
    fits = engine == "re2" and pattern._fits_re2
    vars(pattern).update(lengths | {"_fits_re2": fits})
    return pattern


def _check(engine: str, pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = re.compile(pattern)
        except re.error:
            return
    try:
        answers = _answers(_only(engine, pattern), text)
    except PatternLimit:
        # Only a reference to a group without regard to case is refused; there are none here.
        raise AssertionError(pattern) from None
    assert answers == _answers(expected, text)


_quick = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_quick
@given(plain_patterns, texts)
def test_re2_answers_as_re_does(pattern: str, text: str) -> None:
    _check("re2", pattern, text)


@_quick
@given(patterns, texts)
def test_regex_answers_as_re_does(pattern: str, text: str) -> None:
    _check("regex", pattern, text)


@_quick
@given(loops, small_texts)
def test_empty_repeats_are_those_of_re(pattern: str, text: str) -> None:
    _check("re2", pattern, text)
    _check("regex", pattern, text)


@_quick
@given(patterns, texts)
def test_the_engine_that_is_chosen_answers_as_re_does(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = re.compile(pattern)
        except re.error:
            return
    assert _answers(Pattern(pattern), text * 3) == _answers(expected, text * 3)
