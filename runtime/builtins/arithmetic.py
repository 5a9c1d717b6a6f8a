"""The arithmetic operators: Python's meaning, with sizes checked before anything is computed."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import MAX_SIZE, BuiltinError, check_size, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BITS = MAX_SIZE * 3322 // 1000
"""Bits of a number of MAX_SIZE digits."""

MAX_MODULO_BITS = MAX_BITS // 10
"""Bits of a number that `%` takes: its time grows with the square of the length."""


def add(left: Any, right: Any) -> Any:
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _number(operator.add, left, right)
    if isinstance(left, str) and isinstance(right, str):
        check_size(len(left) + len(right), "a text")
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        check_size(len(left) + len(right), "a list")
        return left + right
    if isinstance(left, tuple) and isinstance(right, tuple):
        check_size(len(left) + len(right), "a list")
        return left + right
    hint = None
    if isinstance(left, str) or isinstance(right, str):
        hint = 'Make the other one a text with `str(...)`, or write f"...{value}...".'
    raise BuiltinError(f"cannot add {kind_of(left)} and {kind_of(right)}", hint)


def subtract(left: Any, right: Any) -> Any:
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _number(operator.sub, left, right)
    raise BuiltinError(f"cannot subtract {kind_of(right)} from {kind_of(left)}")


def multiply(left: Any, right: Any) -> Any:
    if isinstance(left, int | float) and isinstance(right, int | float):
        if isinstance(left, int) and isinstance(right, int):
            _check_bits(left.bit_length() + right.bit_length() - 1)
        return _number(operator.mul, left, right)
    if isinstance(left, int):
        left, right = right, left
    if isinstance(left, str | list | tuple) and isinstance(right, int):
        check_size(len(left) * right, "a text" if isinstance(left, str) else "a list")
        return left * max(-1, min(right, MAX_SIZE))  # an empty one can have any factor
    raise BuiltinError(f"cannot multiply {kind_of(left)} and {kind_of(right)}")


def divide(left: Any, right: Any) -> Any:
    if isinstance(left, int | float) and isinstance(right, int | float):
        if right == 0:
            raise BuiltinError("cannot divide by zero")
        return _number(operator.truediv, left, right)
    raise BuiltinError(f"cannot divide {kind_of(left)} by {kind_of(right)}")


def modulo(left: Any, right: Any) -> Any:
    if isinstance(left, int | float) and isinstance(right, int | float):
        if right == 0:
            raise BuiltinError("cannot divide by zero")
        for number in (left, right):
            if isinstance(number, int) and number.bit_length() > MAX_MODULO_BITS:
                raise BuiltinError("`%` does not take numbers of more than 100000 digits")
        return _number(operator.mod, left, right)
    hint = None
    if isinstance(left, str):
        hint = 'To put values into a text write f"...{value}...".'
    raise BuiltinError(f"cannot divide {kind_of(left)} by {kind_of(right)}", hint)


def power(left: Any, right: Any) -> Any:
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise BuiltinError(f"cannot raise {kind_of(left)} to the power of {kind_of(right)}")
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and right > 0:
        _check_bits(left.bit_length() * right)
    if left == 0 and right < 0:
        raise BuiltinError("cannot divide by zero")
    value = _number(operator.pow, left, right)
    if isinstance(value, complex):
        raise BuiltinError("a negative number has no power with a fraction")
    return value


def negate(value: Any) -> int | float:
    return -_signed(value)


def positive(value: Any) -> int | float:
    return +_signed(value)


def _signed(value: Any) -> int | float:
    if isinstance(value, int | float):
        return value
    raise BuiltinError(f"{kind_of(value)} has no sign", "`-x` and `+x` take a number.")


def _check_bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise BuiltinError(f"a number of more than {MAX_SIZE} digits is not computed")


def _number(operation: Callable[[Any, Any], Any], left: float, right: float) -> Any:
    try:
        return operation(left, right)
    except OverflowError:
        raise BuiltinError("the result is too large for a decimal number") from None


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "**": power,
}
