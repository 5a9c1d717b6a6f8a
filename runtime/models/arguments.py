"""Checks the options of detectors with models: a wrong one is an error, never a default."""

from __future__ import annotations

from typing import Any

from policyc.runtime.bounds import BuiltinError, kind_of

_LARGEST = 1_000_000_000


def text_of(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BuiltinError(f"`{name}` takes a text, not {kind_of(value)}")
    return value


def number(name: str, value: Any) -> float:
    """A number as it is, so that a whole one is sent as such."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BuiltinError(f"`{name}` takes a number, not {kind_of(value)}")
    if not abs(value) <= _LARGEST:  # nor anything that is no number
        raise BuiltinError(f"`{name}` does not take a number of this size")
    return value


def fraction(name: str, value: Any) -> float:
    """A number from 0 to 1."""
    if not 0 <= number(name, value) <= 1:
        raise BuiltinError(f"`{name}` takes a number from 0 to 1, not {value}")
    return float(value)


def positive(name: str, value: Any) -> float:
    if not number(name, value) > 0:
        raise BuiltinError(f"`{name}` takes a number above 0, not {value}")
    return float(value)
