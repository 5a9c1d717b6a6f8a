"""What is in a value: the elements that a comprehension runs over, and the values of a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.runtime import values
from policyc.runtime.events import Chunks, TraceObject
from policyc.runtime.failures import EvaluationError
from policyc.runtime.texts import entries
from policyc.runtime.values import ABSENT, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.typesystem import Type

Places = Any
"""Where a value came from: None, a `Place`, or a list of these for the elements of a list."""


def elements(value: Any, places: Places) -> Iterator[tuple[Any, Places]]:
    """The elements of a value that a comprehension runs over, with their places."""
    if value is None or value is ABSENT:
        return
    if isinstance(value, Chunks):
        for number, chunk in enumerate(value.data):
            view = values.chunk_view(value, number, chunk)
            yield view, (*value.place, number)
        return
    if isinstance(value, list | tuple):
        yield from entries(value, places)
        return
    if isinstance(value, str | dict | set | frozenset):
        for item in value:
            yield item, None
        return
    raise EvaluationError(f"a list is needed to run over, not {kind_of(value)}")


def find_values(domain: Type, value: Any, places: Places) -> Iterator[tuple[Any, Places]]:
    """The values of a type in a value, walking into lists, objects, content and messages."""
    name = domain.name
    if value is None or value is ABSENT:
        return
    if _is_of(name, value):
        yield value, value.place if isinstance(value, TraceObject) else places
        return
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from find_values(
                domain, entry, (*places, key) if isinstance(places, tuple) else None
            )
        return
    if isinstance(value, list | tuple | Chunks | set | frozenset):
        for item, place in elements(
            list(value) if isinstance(value, set | frozenset) else value, places
        ):
            yield from find_values(domain, item, place)
        return
    if isinstance(value, TraceObject):
        for part in _PARTS.get(type(value).__name__, ()):
            yield from find_values(domain, values.member(value, part), (*value.place, part))


_PARTS: dict[str, tuple[str, ...]] = {
    "Message": ("content", "role", "tool_calls"),
    "ToolOutput": ("content", "role", "tool_call_id"),
    "ToolCall": ("id", "type", "function"),
    "TextChunk": ("text", "type"),
    "Image": ("type",),
}


def _is_of(name: str, value: Any) -> bool:
    return type(value).__name__ == name
