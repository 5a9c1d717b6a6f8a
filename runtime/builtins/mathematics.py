"""The module `math`: what it has for whole and decimal numbers, with errors in the user's words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from policyc.runtime.bounds import BuiltinError, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def floor(number: Any) -> int:
    result: int = _apply("floor", math.floor, number)
    return result


def ceil(number: Any) -> int:
    result: int = _apply("ceil", math.ceil, number)
    return result


def sqrt(number: Any) -> float:
    return _apply("sqrt", math.sqrt, number)


def log(number: Any, base: Any = None) -> float:
    return _apply("log", math.log, number, *(() if base is None else (base,)))


def isfinite(number: Any) -> bool:
    return _apply("isfinite", math.isfinite, number)


def _apply(name: str, function: Callable[..., Result], *numbers: Any) -> Result:
    for number in numbers:
        if not isinstance(number, int | float):
            raise BuiltinError(f"`{name}` takes numbers, not {kind_of(number)}")
    try:
        return function(*numbers)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise BuiltinError(f"`{name}` has no answer for this number") from None
