"""The names of kinds of values, and the error of the built-ins."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from policyc.runtime.bounds import BuiltinError, check_size, kind_of
from policyc.runtime.events import Chunks, Image, Message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "nothing (None)"),
        (True, "a truth value"),
        (1.5, "a number"),
        ("a", "a text"),
        ((1,), "a list"),
        ({}, "an object"),
        (len, "a function"),
        (Message({}, (0,), 0), "a Message"),
        (Image({}, (0,), 0), "an Image"),
        (Chunks([], (0,), 0), "content in chunks"),
    ],
)
def test_kinds(value: Any, expected: str) -> None:
    assert kind_of(value) == expected


def test_the_error_survives_another_process() -> None:
    error = pickle.loads(pickle.dumps(BuiltinError("bad", "Do better.")))
    assert (error.message, error.help, str(error)) == ("bad", "Do better.", "bad")


def test_a_size_at_the_limit_is_fine() -> None:
    check_size(1_000_000, "a text")
    with pytest.raises(BuiltinError, match="a number of more than 1000000 digits is not built"):
        check_size(1_000_001, "a number")
