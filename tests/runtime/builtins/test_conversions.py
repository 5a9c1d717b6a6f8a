"""`int`, `float`, `bool`, `round`, `lower` and their like."""

from __future__ import annotations

import math
from typing import Any

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.builtins import conversions as c
from policyc.runtime.builtins import mathematics as m
from policyc.runtime.events import Chunks


@pytest.mark.parametrize(
    ("value", "expected"), [("12", 12), (" -3\n", -3), (2.9, 2), (True, 1), ("+4", 4)]
)
def test_int(value: Any, expected: int) -> None:
    result = c.to_int(value)
    assert result == expected
    assert type(result) is int


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1.5", "the text is not a whole number"),
        ("1_000", "the text is not a whole number"),
        ("", "the text is not a whole number"),
        (None, "`int` takes a number or a text, not nothing"),
        ([1], "`int` takes a number or a text, not a list"),
        (math.inf, "`inf` is not a whole number"),
        (math.nan, "`nan` is not a whole number"),
        ("9" * 10**6, "a text of more than 4300 characters is not read as a number"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_int_refuses(value: Any, message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        c.to_int(value)


@pytest.mark.parametrize(
    ("value", "expected"), [("1.5", 1.5), (3, 3.0), ("1e3", 1000.0), (" 2 ", 2)]
)
def test_float(value: Any, expected: float) -> None:
    result = c.to_float(value)
    assert result == expected
    assert type(result) is float


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "x", "", "1e999", math.nan])
def test_float_is_always_a_number_that_compares(value: Any) -> None:
    with pytest.raises(BuiltinError, match="not a number"):
        c.to_float(value)


def test_float_of_a_number_without_end() -> None:
    with pytest.raises(BuiltinError, match="too large"):
        c.to_float(10**400)


def test_bool_is_what_a_condition_would_be() -> None:
    assert c.to_bool("a")
    assert not c.to_bool([])
    assert not c.to_bool(Chunks([], (0, "content"), 0))


def test_abs_and_round() -> None:
    assert c.absolute(-2) == 2
    assert c.rounded(2.567, 2) == 2.57
    assert c.rounded(2.4) == 2
    assert c.rounded(1234, -2) == 1200
    with pytest.raises(BuiltinError, match="`abs` takes a number, not a text"):
        c.absolute("-2")
    with pytest.raises(BuiltinError, match="at most 4300 digits"):
        c.rounded(1, -(10**9))
    with pytest.raises(BuiltinError, match="`inf` cannot be rounded"):
        c.rounded(math.inf)


def test_texts() -> None:
    assert c.lower("ÄB") == "äb"
    assert c.upper(None) == ""
    assert c.strip(" a\n") == "a"
    assert c.strip("xxax", "x") == "a"
    with pytest.raises(BuiltinError, match="`lower` takes a text, not a number"):
        c.lower(3)
    with pytest.raises(BuiltinError, match="`lower` takes a text, not content in chunks") as caught:
        c.lower(Chunks([], (0, "content"), 0))
    assert caught.value.help == "Go through the texts: `[lower(t) for t in text(...)]`."


def test_mathematics() -> None:
    assert (m.floor(-1.5), m.ceil(1.2), m.sqrt(9), m.isfinite(math.inf)) == (-2, 2, 3.0, False)
    assert m.log(8, 2) == 3.0
    assert m.log(math.e) == 1.0


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (m.sqrt, (-1,), "`sqrt` has no answer for this number"),
        (m.log, (0,), "`log` has no answer for this number"),
        (m.log, (5, 1), "`log` has no answer for this number"),
        (m.floor, (math.inf,), "`floor` has no answer for this number"),
        (m.sqrt, (10**400,), "`sqrt` has no answer for this number"),
        (m.ceil, ("1",), "`ceil` takes numbers, not a text"),
    ],
)
def test_mathematics_refuses(function: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        function(*arguments)
