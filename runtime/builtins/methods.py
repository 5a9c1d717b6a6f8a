"""Values as texts, `.format`, and the methods that a policy may call on texts and objects.

Methods are closed lists (`typesystem.TEXT_METHODS`, `DICT_METHODS`) of functions of our own:
nothing of the host's objects can be reached through them, and what they build is measured before it
is built.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import MAX_DIGITS, BuiltinError, check_size, kind_of
from policyc.runtime.builtins.json_values import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


def to_text(value: Any = "") -> str:
    """A text as it is; None, truth values and numbers as in a policy; anything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        try:
            return str(value)
        except ValueError:
            message = f"a number of more than {MAX_DIGITS} digits is not written"
            raise BuiltinError(message) from None
    return dumps(value)


# --- templates ----------------------------------------------------------------------------------

_SPEC = re.compile(r"([<>^]?)([0-9]{0,7})(?:\.([0-9]{1,7}))?(f?)")
_TEMPLATE_PART = re.compile(r"[^{}]+|\{\{|\}\}|\{([^{}:!]*)(?::([^{}]*))?\}")
_FIELD = re.compile(r"[0-9]{1,6}|[A-Za-z_][A-Za-z0-9_]*|")


def format_value(value: Any, spec: str = "") -> str:
    """A value as text by a width and a precision, such as `10.2`.

    The precision is Python's: of a decimal number it counts the digits in all, with an `f` at the
    end (`.2f`) those after the point, of anything else the characters. Numbers stand at the right
    of the width, the rest at the left; `<`, `>` or `^` before it changes that.
    """
    if not spec:
        return to_text(value)
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise BuiltinError(
            f"`{spec}` is not a width and a precision", "write for example `{x:10}` or `{x:.2f}`"
        )
    side, width, precision = match[1], int(match[2] or 0), match[3]
    check_size(max(width, int(precision or 0)), "a text")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if precision is None:
        text = to_text(value)
    elif is_number:
        text = _number_text(value, int(precision), match[4])
    else:
        text = to_text(value)[: int(precision)]
    if side == "^":
        return text.center(width)
    at_right = side == ">" or (is_number and side != "<")
    return text.rjust(width) if at_right else text.ljust(width)


def _number_text(value: int | float, precision: int, kind: str) -> str:
    try:
        return f"{float(value):.{precision}{kind}}"
    except OverflowError:
        raise BuiltinError("the number is too large for a decimal number") from None


def join_parts(parts: Iterable[str]) -> str:
    """The parts of a text put together, if that is not too long."""
    pieces = list(parts)
    check_size(sum(map(len, pieces)), "a text")
    return "".join(pieces)


def format_text(template: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """`template.format(...)`: fields by position or name, with width and precision only."""
    parts: list[str] = []
    size = position = automatic = 0
    while position < len(template):
        match = _TEMPLATE_PART.match(template, position)
        if match is None:
            raise BuiltinError(
                f"the template of `format` is not understood from character {position + 1} on",
                "A field is `{}`, `{0}` or `{name}`; a brace of the text is written twice.",
            )
        position = match.end()
        field, spec = match[1], match[2]
        if field is None:
            part = match[0][0] if match[0] in ("{{", "}}") else match[0]
        else:
            if not field:
                field, automatic = str(automatic), automatic + 1
            part = format_value(_field(field, args, kwargs), spec or "")
        size += len(part)
        check_size(size, "a text")
        parts.append(part)
    return "".join(parts)


def _field(field: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if _FIELD.fullmatch(field) is None:
        raise BuiltinError(
            f"`{{{field}}}` is not a plain field",
            "Name the value when calling: `.format(x=value.member)` with `{x}`.",
        )
    if field.isdigit():
        if int(field) < len(args):
            return args[int(field)]
        raise BuiltinError(f"`format` has no argument for field `{{{field}}}`")
    if field in kwargs:
        return kwargs[field]
    raise BuiltinError(f"`format` has no argument `{field}`")


# --- methods ------------------------------------------------------------------------------------


def call_method(owner: Any, name: str, args: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """`owner.name(*args, **keywords)` for a text or an object.

    Raises:
        BuiltinError: values of that kind have no such method, or it does not take these arguments.
    """
    methods = _METHODS_OF.get(type(owner), {})
    method = methods.get(name)
    if method is None:
        raise BuiltinError(f"{kind_of(owner)} has no method `{name}`")
    if name == "format":
        return format_text(owner, args, keywords)
    function, usage = method
    try:
        return function(owner, *args, **keywords)
    except TypeError:
        raise BuiltinError(
            f"`.{name}` does not take these arguments", f"Write `{usage}`."
        ) from None


def _text(value: Any, method: str) -> str:
    if isinstance(value, str):
        return value
    raise BuiltinError(f"`.{method}` takes a text, not {kind_of(value)}")


def _whole(value: Any, method: str) -> int:
    if isinstance(value, int):
        return max(-1, min(value, sys.maxsize))
    raise BuiltinError(f"`.{method}` takes a whole number, not {kind_of(value)}")


def _strip(text: str, characters: Any = None) -> str:
    return text.strip(None if characters is None else _text(characters, "strip"))


def _split(text: str, separator: Any = None, maxsplit: Any = -1) -> list[str]:
    if separator == "":
        raise BuiltinError("the separator of `.split` is empty")
    between = None if separator is None else _text(separator, "split")
    pieces = text.split(between, _whole(maxsplit, "split"))
    check_size(len(pieces), "a list")
    return pieces


def _splitlines(text: str) -> list[str]:
    lines = text.splitlines()
    check_size(len(lines), "a list")
    return lines


def _join(separator: str, values: Any) -> str:
    if values is None:
        return ""
    if not isinstance(values, list | tuple | str | dict | set | frozenset):
        raise BuiltinError(f"`.join` takes a list of texts, not {kind_of(values)}")
    for value in values:
        if not isinstance(value, str):
            raise BuiltinError(
                f"`.join` takes a list of texts, and {kind_of(value)} is in it",
                'Make each a text: `", ".join([str(x) for x in xs])`.',
            )
    check_size(sum(map(len, values)) + len(separator) * max(0, len(values) - 1), "a text")
    return separator.join(values)


def _startswith(text: str, prefix: Any) -> bool:
    return text.startswith(_choices(prefix, "startswith"))


def _endswith(text: str, suffix: Any) -> bool:
    return text.endswith(_choices(suffix, "endswith"))


def _choices(value: Any, method: str) -> str | tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_text(choice, method) for choice in value)
    return _text(value, method)


def _replace(text: str, old: Any, new: Any, count: Any = -1) -> str:
    old, new, count = _text(old, "replace"), _text(new, "replace"), _whole(count, "replace")
    found = text.count(old)
    growth = (found if count < 0 else min(count, found)) * (len(new) - len(old))
    if growth > 0:
        check_size(len(text) + growth, "a text")
    return text.replace(old, new, count)


def _count(text: str, part: Any) -> int:
    return text.count(_text(part, "count"))


def _get(entries: dict[str, Any], key: Any, default: Any = None) -> Any:
    return entries.get(key, default) if isinstance(key, str) else default


_Method = tuple["Callable[..., Any]", str]

_TEXT_METHODS: dict[str, _Method] = {
    "strip": (_strip, "text.strip()"),
    "lower": (lambda text: text.lower(), "text.lower()"),
    "upper": (lambda text: text.upper(), "text.upper()"),
    "splitlines": (_splitlines, "text.splitlines()"),
    "split": (_split, 'text.split(",")'),
    "format": (format_text, "text.format(x=value)"),
    "join": (_join, '", ".join(values)'),
    "startswith": (_startswith, 'text.startswith("a")'),
    "endswith": (_endswith, 'text.endswith("a")'),
    "replace": (_replace, 'text.replace("a", "b")'),
    "count": (_count, 'text.count("a")'),
}

_DICT_METHODS: dict[str, _Method] = {
    "keys": (list, "value.keys()"),
    "values": (lambda entries: list(entries.values()), "value.values()"),
    "items": (lambda entries: list(entries.items()), "value.items()"),
    "get": (_get, 'value.get("key")'),
}

_METHODS_OF: dict[type, dict[str, _Method]] = {str: _TEXT_METHODS, dict: _DICT_METHODS}
