"""The module `re`."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.compiler.patterns import PatternError
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.builtins import expressions as e
from policyc.runtime.events import Chunks

CHUNKS = Chunks(
    [{"type": "text", "text": "a1"}, {"type": "text", "text": "b22"}], (0, "content"), 0
)


def test_looks_into_everything_that_holds_texts() -> None:
    assert e.search(r"\d\d", CHUNKS)
    assert e.fullmatch(r"b\d+", ["x", CHUNKS])
    assert not e.fullmatch(r"\d+", CHUNKS)
    assert e.findall(r"\d", CHUNKS) == ["1", "2", "2"]
    assert e.findall(r"(\w)(\d+)", CHUNKS) == [("a", "1"), ("b", "22")]
    assert not e.search("x", None)


def test_makes_texts() -> None:
    assert e.sub(r"(\d)", r"<\1>", "a1b2") == "a<1>b<2>"
    assert e.sub(r"\d", "", "a1b2", 1) == "ab2"
    assert e.split(r",\s*", "a, b,c") == ["a", "b", "c"]
    assert e.split(",", "a,b,c", 1) == ["a", "b,c"]
    assert e.sub("a", "b", None) == ""


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        (e.search, (1, "a"), "a pattern is a text, not a number"),
        (e.sub, ("a", None, "a"), "the replacement of `sub` is a text, not nothing"),
        (e.sub, ("a", "b", CHUNKS), "`sub` takes a text, not content in chunks"),
        (e.split, ("a", "b", "c"), "`split` takes a whole number of times, not a text"),
    ],
)
def test_refuses(function: Any, args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        function(*args)


def test_a_bad_pattern_is_told() -> None:
    with pytest.raises(PatternError):
        e.search("(", "a")


def test_a_slow_pattern_is_no_trap() -> None:
    assert not e.fullmatch(r"(a+)+", "a" * 5000 + "!")
