"""The arithmetic operators."""

from __future__ import annotations

import time
from typing import Any

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.builtins.arithmetic import OPERATORS, negate, positive

HANGING = 60
"""Seconds after which something counts as hanging; no measure of speed."""


@pytest.mark.parametrize(
    ("operator", "left", "right", "expected"),
    [
        ("+", 1, 2.5, 3.5),
        ("+", "a", "b", "ab"),
        ("+", [1], [2], [1, 2]),
        ("+", True, 1, 2),
        ("-", 1, 3, -2),
        ("*", 3, "ab", "ababab"),
        ("*", [0], 2, [0, 0]),
        ("*", "ab", -1, ""),
        ("*", "", 10**30, ""),
        ("*", [1], -(10**30), []),
        ("/", 7, 2, 3.5),
        ("%", -7, 3, 2),
        ("**", 2, 10, 1024),
        ("**", 2, -1, 0.5),
        ("**", 4, 0.5, 2.0),
        ("**", 0, 0, 1),
        ("**", -1, 10**9, 1),
    ],
)
def test_means_what_it_means_in_python(operator: str, left: Any, right: Any, expected: Any) -> None:
    result = OPERATORS[operator](left, right)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("operator", "left", "right", "message"),
    [
        ("+", "a", 1, "cannot add a text and a number"),
        ("+", 1, None, "cannot add a number and nothing"),
        ("+", {}, {}, "cannot add an object and an object"),
        ("-", "a", "b", "cannot subtract a text from a text"),
        ("*", "a", "b", "cannot multiply a text and a text"),
        ("*", "a", 1.5, "cannot multiply a text and a number"),
        ("/", 1, 0, "cannot divide by zero"),
        ("/", "a", 2, "cannot divide a text by a number"),
        ("%", 1, 0.0, "cannot divide by zero"),
        ("%", "a %s", "b", "cannot divide a text by a text"),
        ("**", "a", 2, "cannot raise a text to the power of a number"),
        ("**", 0, -1, "cannot divide by zero"),
        ("**", -8, 0.5, "a negative number has no power with a fraction"),
    ],
)
def test_says_what_does_not_fit(operator: str, left: Any, right: Any, message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        OPERATORS[operator](left, right)


@pytest.mark.parametrize(
    ("operator", "left", "right", "message"),
    [
        ("*", "a", 10**9, "a text of more than 1000000 characters is not built"),
        ("*", 10**12, [0], "a list of more than 1000000 elements is not built"),
        ("+", "a" * 600_000, "b" * 600_000, "a text of more than 1000000 characters"),
        ("+", [0] * 600_000, [0] * 600_000, "a list of more than 1000000 elements"),
        ("**", 10, 10**10, "a number of more than 1000000 digits is not computed"),
        ("**", 10**100_000, 100, "a number of more than 1000000 digits is not computed"),
        ("*", 1 << 2_000_000, 1 << 2_000_000, "a number of more than 1000000 digits"),
        ("%", 1 << 2_000_000, 7, "`%` does not take numbers of more than 100000 digits"),
        ("**", 2.0, 10**6, "too large for a decimal number"),
        ("/", 10**400, 0.5, "too large for a decimal number"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 80 else "large",
)
def test_sizes_are_checked_before_anything_is_computed(
    operator: str, left: Any, right: Any, message: str
) -> None:
    started = time.process_time()
    with pytest.raises(BuiltinError, match=message):
        OPERATORS[operator](left, right)
    assert time.process_time() - started < HANGING


def test_the_largest_number_is_still_computed() -> None:
    assert (10**500_000 * 10**400_000).bit_length() == OPERATORS["*"](
        10**500_000, 10**400_000
    ).bit_length()


def test_signs() -> None:
    assert negate(2) == -2
    assert positive(-2.5) == -2.5
    with pytest.raises(BuiltinError, match="a text has no sign"):
        negate("2")
