"""The objects of a trace as a policy sees them: thin views of the event dicts, with their place.

A view never copies or changes the dict it stands for. Compiled rules work on the dicts themselves;
views are made for what is evaluated by the interpreter and for what leaves a policy (arguments of
violations, user functions). A place is a path of keys and indexes from the list of events: `(1,
"tool_calls", 0)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from policyc.compiler import typesystem as ts
from policyc.runtime.absent import ABSENT
from policyc.runtime.nesting import MAX_DEPTH, is_too_deep

if TYPE_CHECKING:
    from policyc.compiler.typesystem import Type

Place = tuple[str | int, ...]


class TraceObject:
    """An object of the trace. `data` is its JSON form, `place` its path, `index` the number of its
    event.

    Two views are equal when they stand for the same place of the same data.
    """

    __slots__ = ("data", "index", "place")
    type: ClassVar[Type]

    def __init__(self, data: Any, place: Place, index: int) -> None:
        self.data = data
        self.place = place
        self.index = index

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.place == other.place and self.data is other.data

    def __hash__(self) -> int:
        return hash((type(self), self.place))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.data!r})"


class Message(TraceObject):
    """An event with a role other than `tool`."""

    __slots__ = ()
    type = ts.MESSAGE


class ToolCall(TraceObject):
    """An entry of a message's `tool_calls`, or an event that is a call by itself."""

    __slots__ = ()
    type = ts.TOOL_CALL


class Function(TraceObject):
    """The `function` part of a tool call."""

    __slots__ = ()
    type = ts.FUNCTION


class ToolOutput(TraceObject):
    """An event with the role `tool`."""

    __slots__ = ()
    type = ts.TOOL_OUTPUT


class Tool(TraceObject):
    """An entry of a `tools` event."""

    __slots__ = ()
    type = ts.TOOL


class ToolParameter(TraceObject):
    """A property of a tool's input schema; `data` has the schema's keys and `name`, `required`."""

    __slots__ = ()
    type = ts.TOOL_PARAMETER


class TextChunk(TraceObject):
    """A chunk of content with a text."""

    __slots__ = ()
    type = ts.TEXT_CHUNK


class Image(TraceObject):
    """A chunk of content with an image address."""

    __slots__ = ()
    type = ts.IMAGE


class Chunks(TraceObject):
    """Chunked content: `data` is the list of chunk dicts.

    It has a length, indexes, `.text` and `.image`.
    """

    __slots__ = ()
    type = ts.CONTENT


def to_json(value: Any) -> Any:
    """A value as JSON data: views become the dicts they stand for, absent becomes None.

    A text says what is nested too deep.
    """
    try:
        plain = _to_json(value)
    except RecursionError:
        return TOO_DEEP
    # What can be read here may still be too deep for who writes it out.
    is_container = isinstance(plain, dict | list)
    return TOO_DEEP if is_container and is_too_deep(plain, MAX_DEPTH + _AROUND) else plain


_AROUND = 10
"""Levels of an event around the data in it."""


TOO_DEEP = "(nested too deep)"


def shown(value: Any) -> str:
    """`str(value)` for people: it has an answer for every value."""
    try:
        return str(value)
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        return "(a number with too many digits)"


def _to_json(value: Any) -> Any:
    if isinstance(value, TraceObject):
        return value.data
    if isinstance(value, dict):
        return {str(key): _to_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_json(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if value is ABSENT:
        return None
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return {name: _to_json(getattr(value, name)) for name in fields}
    return str(value)
