"""Parts of a case file that must have a certain form: a text, a list of texts, known keys.

Each function takes a value of the tree, tells what is wrong with it, and gives what it stands for,
or None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar.source import Span
from policyc.runtime.testing.problems import Problems, spelt
from policyc.runtime.testing.yaml_tree import Fields, Items, Scalar, Value
from policyc.runtime.trace_access import name_of_type

if TYPE_CHECKING:
    from collections.abc import Iterable


def kind_of(value: Value) -> str:
    """What a value is, in the words of messages."""
    if isinstance(value, Scalar):
        return name_of_type(value.value)
    return "a list" if isinstance(value, Items) else "an object"


def refuse(problems: Problems, value: Value, what: str, wanted: str, hint: str = "") -> None:
    message = f"{what} must be {wanted}, this is {kind_of(value)}"
    problems.add("T0104", message, first_line(problems, value), hint or None)


def first_line(problems: Problems, value: Value) -> Span:
    """The place of a value, of a long one its first line."""
    span = value.span
    end = problems.source.text.find("\n", span.start, span.end)
    return span if end < 0 else Span(span.start, end)


def known_keys(fields: Fields, known: Iterable[str], problems: Problems, what: str) -> None:
    """Tell every key that is not known."""
    names = tuple(known)
    for entry in fields.entries:
        if entry.key not in names:
            message = f"{what} has no key `{entry.key}`"
            problems.add("T0103", message, entry.span, spelt(entry.key, names, "the keys are"))


def text(value: Value, problems: Problems, what: str) -> str | None:
    """A text that is not empty."""
    if isinstance(value, Scalar) and isinstance(value.value, str):
        if value.value.strip():
            return value.value
        problems.add("T0104", f"{what} must not be empty", value.span)
        return None
    is_word = isinstance(value, Scalar) and value.value is not None
    refuse(problems, value, what, "a text", "put it in quotes" if is_word else "")
    return None


def texts(value: Value, problems: Problems, what: str) -> tuple[str, ...] | None:
    """A list of texts; a text alone is a list of one."""
    if isinstance(value, Scalar):
        found = text(value, problems, what)
        return None if found is None else (found,)
    if isinstance(value, Items):
        read = [text(item, problems, f"each of {what}") for item in value.items]
        return tuple(x for x in read if x is not None)
    refuse(problems, value, what, "a text or a list of texts")
    return None


def flag(value: Value, problems: Problems, what: str) -> bool:
    """True or false."""
    if isinstance(value, Scalar) and isinstance(value.value, bool):
        return value.value
    refuse(problems, value, what, "true or false")
    return False


def items(value: Value, problems: Problems, what: str, wanted: str = "a list") -> tuple[Value, ...]:
    """The items of a list."""
    if isinstance(value, Items):
        return value.items
    refuse(problems, value, what, wanted)
    return ()


def fields_of(
    value: Value, problems: Problems, what: str, wanted: str = "an object"
) -> Fields | None:
    if isinstance(value, Fields):
        return value
    refuse(problems, value, what, wanted)
    return None
