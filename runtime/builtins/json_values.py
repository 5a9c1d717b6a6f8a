"""JSON text to values and back, within the limits of `bounds`.

Reading is strict: `NaN`, `Infinity` and an object with the same key twice are refused, because
another reader of the same text may see something else than the policy does.
"""

from __future__ import annotations

import json
from typing import Any

from policyc.runtime.bounds import (
    MAX_DIGITS,
    MAX_JSON,
    MAX_SIZE,
    BuiltinError,
    check_size,
    kind_of,
)
from policyc.runtime.events import TraceObject, to_json
from policyc.runtime.nesting import MAX_DEPTH


def loads(text: Any) -> Any:
    """The value of a JSON text.

    Raises:
        BuiltinError: it is no text, no JSON, or beyond the limits.
    """
    if not isinstance(text, str):
        raise BuiltinError(
            f"`json_loads` takes a text, not {kind_of(text)}",
            "Entries of a value that is JSON already are read with `value.key`.",
        )
    if len(text) > MAX_JSON:
        raise BuiltinError(f"a JSON text of more than {MAX_JSON} characters is not read")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise BuiltinError(
            f"the text is not JSON: line {error.lineno}, column {error.colno} is not expected"
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # what is left is the host's limit for the digits of a number
        raise BuiltinError(f"a number of more than {MAX_DIGITS} digits is not read") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        measure(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise BuiltinError("the JSON text has an object with the same key twice")
    return entries


def _refuse_constant(name: str) -> None:
    raise BuiltinError(f"the text is not JSON: `{name}` is not a JSON value")


def _too_deep() -> BuiltinError:
    return BuiltinError(f"lists and objects inside one another deeper than {MAX_DEPTH} levels")


def dumps(value: Any, sort_keys: bool = False) -> str:
    """A value as JSON text; what is not ASCII stays as it is, so that it can be searched for.

    Raises:
        BuiltinError: it is too large or too deep, or has a number that JSON cannot hold.
    """
    check_size(measure(value), "a text")
    try:
        text = json.dumps(
            to_json(value), sort_keys=bool(sort_keys), ensure_ascii=False, allow_nan=False
        )
    except ValueError:
        raise BuiltinError("the value has a number that JSON cannot hold") from None
    check_size(len(text), "a text")
    return text


def measure(value: Any) -> int:
    """About how many characters a value has as JSON; stops soon after MAX_SIZE.

    Values may share parts, so that a small value is a large text: this walks it as the text would
    be.

    Raises:
        BuiltinError: it is too deep.
    """
    size, stack = 0, [(value, 0)]
    while stack and size <= MAX_SIZE:
        item, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(item, TraceObject):
            item = item.data
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, dict):
            size += sum(len(str(key)) for key in item)
            stack.extend((entry, depth + 1) for entry in item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            stack.extend((entry, depth + 1) for entry in item)
        size += 1
    return size
