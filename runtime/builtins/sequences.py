"""The built-ins that look at collections: `any`, `len`, `max`, `sorted`, `subset` and their like.

None counts as empty everywhere, so that a missing entry of a trace never makes a rule fail here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import MAX_COMPARISONS, BuiltinError, check_size, kind_of
from policyc.runtime.events import Chunks
from policyc.runtime.values import chunk_view

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_UNSET: Any = object()


def elements(value: Any, function: str) -> Collection[Any]:
    """What `function` goes through: elements of a list, keys of an object, characters of a text.

    Raises:
        BuiltinError: the value has no elements.
    """
    if value is None:
        return ()
    if isinstance(value, list | tuple | str | dict | set | frozenset):
        return value
    if isinstance(value, Chunks):
        return [chunk_view(value, number, chunk) for number, chunk in enumerate(value.data)]
    raise BuiltinError(
        f"`{function}` takes a list, not {kind_of(value)}", _list_help(value, function)
    )


def _list_help(value: Any, function: str) -> str:
    if isinstance(value, bool):
        if function in ("any", "all"):
            return f"Leave `{function}(...)` out, or write the conditions in a list: `[a, b]`."
        return "A comparison gives one truth value; write a list comprehension to get a list."
    return f"Write it in a list: `{function}([x])`."


def any_true(values: Any) -> bool:
    return any(elements(values, "any"))


def all_true(values: Any) -> bool:
    return all(elements(values, "all"))


def length(value: Any) -> int:
    if isinstance(value, Chunks):
        return len(value.data)
    if value is None:
        return 0
    if isinstance(value, str | list | tuple | dict | set | frozenset):
        return len(value)
    raise BuiltinError(
        f"{kind_of(value)} has no length",
        "`len` takes a text, a list, an object or content; for a message write `len(m.content)`.",
    )


def is_empty(value: Any) -> bool:
    return length(value) == 0


def smallest(*values: Any, key: Callable[[Any], Any] | None = None, default: Any = _UNSET) -> Any:
    return _extreme(min, "min", values, key, default)


def largest(*values: Any, key: Callable[[Any], Any] | None = None, default: Any = _UNSET) -> Any:
    return _extreme(max, "max", values, key, default)


def _extreme(
    choose: Callable[..., Any],
    name: str,
    values: tuple[Any, ...],
    key: Callable[[Any], Any] | None,
    default: Any,
) -> Any:
    candidates = elements(values[0], name) if len(values) == 1 else values
    if not candidates:
        if default is not _UNSET:
            return default
        raise BuiltinError(
            f"`{name}` of an empty list has no answer",
            f"Say what it is then: `{name}(values, default=0)`.",
        )
    _check_function(key, name)
    try:
        return choose(candidates, key=key)
    except TypeError:
        raise _cannot_order(candidates, name, key) from None


def ordered(
    values: Any, *, key: Callable[[Any], Any] | None = None, reverse: bool = False
) -> list[Any]:
    items = elements(values, "sorted")
    check_size(len(items), "a list")
    _check_function(key, "sorted")
    try:
        return sorted(items, key=key, reverse=bool(reverse))
    except TypeError:
        raise _cannot_order(items, "sorted", key) from None


def _check_function(key: Any, name: str) -> None:
    if key is not None and not callable(key):
        raise BuiltinError(
            f"`key` of `{name}` takes a function, not {kind_of(key)}",
            f"Write the name of a function: `{name}(values, key=len)`.",
        )


def _cannot_order(
    values: Collection[Any], name: str, key: Callable[[Any], Any] | None
) -> BuiltinError:
    kinds = sorted({kind_of(key(value) if key else value) for value in values})
    among = " and ".join(kinds[:2]) if len(kinds) > 1 else f"{kinds[0]} and {kinds[0]}"
    return BuiltinError(f"`{name}` cannot compare {among}")


def total(values: Any, start: Any = 0) -> Any:
    items = elements(values, "sum")
    for item in (start, *items):
        if not isinstance(item, int | float):
            raise BuiltinError(
                f"`sum` adds numbers, not {kind_of(item)}",
                "Choose the numbers first: `sum([x.amount for x in xs])`.",
            )
    try:
        return sum(items, start)
    except OverflowError:
        raise BuiltinError("the sum is too large") from None


def to_list(values: Any = None) -> list[Any]:
    items = elements(values, "list")
    check_size(len(items), "a list")
    return list(items)


def to_tuple(values: Any = None) -> tuple[Any, ...]:
    return tuple(to_list(values))


def number_range(start: Any, stop: Any = None, step: Any = 1) -> list[int]:
    if stop is None:
        start, stop = 0, start
    for bound in (start, stop, step):
        if not isinstance(bound, int):
            raise BuiltinError(f"`range` takes whole numbers, not {kind_of(bound)}")
    if step == 0:
        raise BuiltinError("the step of `range` cannot be 0")
    numbers = range(start, stop, step)
    # len() of a range counts no further than the machine's word: compare its ends instead.
    check_size((abs(stop - start) // abs(step)) if numbers else 0, "a list")
    return list(numbers)


def subset(values: Any, of: Any) -> bool:
    return _are_among(elements(values, "subset"), elements(of, "subset"))


def only(value: Any, allowed: Any) -> bool:
    items = elements(value, "only") if isinstance(value, _COLLECTIONS) else [value]
    return _are_among(() if value is None else items, elements(allowed, "only"))


_COLLECTIONS = (list, tuple, set, frozenset, dict, Chunks)


def _are_among(items: Collection[Any], allowed: Collection[Any]) -> bool:
    """Whether every item equals an allowed one. Lists and objects are compared one by one."""
    try:
        return set(items) <= set(allowed)
    except TypeError:
        if len(items) * len(allowed) > MAX_COMPARISONS:
            raise BuiltinError("the lists are too long to be compared") from None
        return all(any(item == other for other in allowed) for item in items)
