"""The texts and images in a value, with their places in the trace.

One walk serves `text(...)`, `image(...)`, `match`, `find` and every detector, so that all of them
look at the same texts. A place is known for what lies in an object of the trace; a text that a
policy has taken out of the trace, or made, has None.

- A message or an output gives its content, without its tool calls; a tool call or its function the
  texts in its arguments; a tool or parameter all texts of its description.
- Content in chunks gives the texts of its chunks; chunks of another kind are opaque.
- Lists and objects give the texts in them at any depth; keys do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.events import (
    Chunks,
    Function,
    Image,
    Message,
    TextChunk,
    ToolCall,
    ToolOutput,
    TraceObject,
)
from policyc.runtime.nesting import MAX_DEPTH
from policyc.runtime.records import File
from policyc.runtime.traces import arguments_of, function_of
from policyc.runtime.values import image_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyc.runtime.events import Place

    Places = Place | list[Any] | None
    """Where a value lies: in one place, the entries of a list each in their own, or nowhere."""

_IMAGE_DATA = "data:image/"
"""What a text that is an image starts with."""


def collect_texts(value: Any) -> list[tuple[str, Place | None]]:
    """All texts in a value, in order, with their places.

    Raises:
        BuiltinError: it is nested deeper than a trace may be.
    """
    if isinstance(value, str):
        return [(value, None)]
    found: list[tuple[str, Place | None]] = []
    stack: list[tuple[Any, Place | None]] = [(value, None)]
    while stack:
        item, place = stack.pop()
        if isinstance(item, str):
            found.append((item, place))
        else:
            stack.extend(reversed(list(_parts(item, place))))
    return found


def placed_texts(value: Any, places: Places) -> list[tuple[str, Place | None]]:
    """All texts in a value with their places, where `places` tells where the value lies.

    Raises:
        BuiltinError: it is nested deeper than a trace may be.
    """
    if isinstance(value, str):
        return [(value, places if isinstance(places, tuple) else None)]
    if isinstance(value, list | tuple):
        return [
            found for item, place in entries(value, places) for found in placed_texts(item, place)
        ]
    if isinstance(value, dict) and isinstance(places, tuple):
        return [
            found for key, entry in value.items() for found in placed_texts(entry, (*places, key))
        ]
    return collect_texts(value)


def entries(value: Sequence[Any], places: Places) -> Iterator[tuple[Any, Any]]:
    """The entries of a list with their places."""
    for number, item in enumerate(value):
        if isinstance(item, TraceObject):
            yield item, item.place
        elif isinstance(places, list):
            yield item, places[number] if number < len(places) else None
        else:
            yield item, None if places is None else (*places, number)


def collect_images(value: Any, places: Places = None) -> list[tuple[str, Place | None]]:
    """The addresses of all images in a value, in order, with their places, where `places` tells
    where the value lies."""
    found: list[tuple[str, Place | None]] = []
    stack: list[tuple[Any, Any]] = [(value, places)]
    while stack:
        item, place = stack.pop()
        if isinstance(item, str):
            if item.startswith(_IMAGE_DATA):
                found.append((item, place if isinstance(place, tuple) else None))
        elif isinstance(item, Image):
            address = image_address(item.data)
            if address is not None:
                found.append((address, (*item.place, "image_url", "url")))
        elif isinstance(item, Chunks):
            chunks = [
                Image(chunk, (*item.place, number), item.index)
                for number, chunk in enumerate(item.data)
                if image_address(chunk) is not None
            ]
            stack.extend((chunk, chunk.place) for chunk in reversed(chunks))
        elif isinstance(item, Message | ToolOutput):
            stack.extend(_parts(item, place))
        elif isinstance(item, list | tuple):
            stack.extend(reversed(list(entries(item, place))))
    return found


def _parts(item: Any, place: Place | None) -> Iterable[tuple[Any, Place | None]]:
    """What to look at in place of `item`, which is no text."""
    if isinstance(item, list | tuple):
        return [(entry, _below(place, number)) for number, entry in enumerate(item)]
    if isinstance(item, dict):
        return [(entry, _below(place, str(key))) for key, entry in item.items()]
    if isinstance(item, TraceObject):
        return _object_parts(item)
    if isinstance(item, File):
        return [(item.content, None)]
    return ()


def _object_parts(item: TraceObject) -> list[tuple[Any, Place | None]]:
    data, place = item.data, item.place
    if isinstance(item, Message | ToolOutput):
        content, below = data.get("content"), (*place, "content")
        if isinstance(content, list):
            return [(Chunks(content, below, item.index), below)]
        return [(content, below)]
    if isinstance(item, Chunks):
        return [
            part for number, chunk in enumerate(data) for part in _chunk(chunk, (*place, number))
        ]
    if isinstance(item, TextChunk):
        return [(data.get("text"), (*place, "text"))]
    if isinstance(item, ToolCall):
        function = function_of(data)
        return [(arguments_of(function), (*place, "function", "arguments"))]
    if isinstance(item, Function):
        return [(arguments_of(data), (*place, "arguments"))]
    if isinstance(item, Image):
        return []
    return [(data, place)]


def _chunk(chunk: Any, place: Place) -> list[tuple[Any, Place | None]]:
    """A chunk with a text, or data that is no chunk at all; any other kind of chunk is opaque."""
    if not isinstance(chunk, dict):
        return [(chunk, place)]
    if isinstance(chunk.get("text"), str):
        return [(chunk["text"], (*place, "text"))]
    if "type" in chunk or image_address(chunk) is not None:
        return []
    return [(chunk, place)]


_DEEPEST = MAX_DEPTH + 10
"""How long a place may be: that of a text in data as deep as a trace may be, and a little more."""


def _below(place: Place | None, key: str | int) -> Place | None:
    if place is None:
        return None
    if len(place) > _DEEPEST:
        raise BuiltinError("values are nested too deep")
    return (*place, key)
