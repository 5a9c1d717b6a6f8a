"""`int`, `float`, `bool` and the small functions on one text or number.

Reading a number refuses what a comparison could not see: a text such as `nan` would make every `<`
and `>` False, and so switch a rule off.
"""

from __future__ import annotations

import math
from typing import Any

from policyc.runtime.bounds import MAX_DIGITS, BuiltinError, kind_of
from policyc.runtime.events import Chunks


def to_int(value: Any = 0) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BuiltinError(f"`{value}` is not a whole number")
        return int(value)
    text = _number_text(value, "int")
    try:
        return int(text)
    except ValueError:
        raise BuiltinError(
            "the text is not a whole number", "For a number with a point write `float(...)`."
        ) from None


def to_float(value: Any = 0) -> float:
    try:
        number = float(value if isinstance(value, int | float) else _number_text(value, "float"))
    except ValueError:
        raise BuiltinError("the text is not a number") from None
    except OverflowError:
        raise BuiltinError("the number is too large for a decimal number") from None
    if not math.isfinite(number):
        raise BuiltinError(f"`{number}` is not a number that can be compared")
    return number


def _number_text(value: Any, function: str) -> str:
    if not isinstance(value, str):
        raise BuiltinError(f"`{function}` takes a number or a text, not {kind_of(value)}")
    if len(value) > MAX_DIGITS:
        raise BuiltinError(f"a text of more than {MAX_DIGITS} characters is not read as a number")
    return value.replace("_", "?")  # the host reads `1_000`, people do not


def to_bool(value: Any = False) -> bool:
    return bool(value.data if isinstance(value, Chunks) else value)


def absolute(number: Any) -> int | float:
    return abs(_number(number, "abs"))


def rounded(number: Any, digits: Any = None) -> int | float:
    value = _number(number, "round")
    if digits is not None and not (isinstance(digits, int) and abs(digits) <= MAX_DIGITS):
        raise BuiltinError(f"`round` takes at most {MAX_DIGITS} digits, as a whole number")
    try:
        return round(value, digits)
    except (OverflowError, ValueError):
        raise BuiltinError(f"`{value}` cannot be rounded") from None


def _number(value: Any, function: str) -> int | float:
    if isinstance(value, int | float):
        return value
    hint = "Read the number first: `float(...)`." if isinstance(value, str) else None
    raise BuiltinError(f"`{function}` takes a number, not {kind_of(value)}", hint)


def lower(value: Any) -> str:
    return _text(value, "lower").lower()


def upper(value: Any) -> str:
    return _text(value, "upper").upper()


def strip(value: Any, characters: Any = None) -> str:
    return _text(value, "strip").strip(None if characters is None else _text(characters, "strip"))


def _text(value: Any, function: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise BuiltinError(
        f"`{function}` takes a text, not {kind_of(value)}",
        "Go through the texts: `[lower(t) for t in text(...)]`."
        if isinstance(value, Chunks)
        else f"Make it a text first: `{function}(str(...))`.",
    )
