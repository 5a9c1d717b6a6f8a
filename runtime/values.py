"""What a policy can do with values: members, indexes, comparisons, membership. Closed lists, no
host access.

Works on JSON values, on views of the trace (`events`) and on library objects (frozen dataclasses).
A missing entry of trace data is `ABSENT`: falsy, equal to None, and every access to it is absent
again.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from policyc.compiler.typesystem import MEMBERS
from policyc.runtime import bounds
from policyc.runtime.absent import ABSENT as ABSENT  # noqa: PLC0414  # others import it here
from policyc.runtime.events import (
    Chunks,
    Function,
    Image,
    Message,
    TextChunk,
    Tool,
    ToolCall,
    ToolOutput,
    ToolParameter,
    TraceObject,
    shown,
)
from policyc.runtime.failures import EvaluationError
from policyc.runtime.traces import arguments_of, function_of, tool_calls_of, tool_parameters

if TYPE_CHECKING:
    from collections.abc import Callable


def kind_of(value: Any) -> str:
    """What a value is, in the words of messages: `a text`, `a list`, `a Message`."""
    if value is None or value is ABSENT:
        return "nothing (None)"
    return "content in chunks" if isinstance(value, Chunks) else bounds.kind_of(value)


# --- members ------------------------------------------------------------------------------------


def content_view(data: dict[str, Any], owner: TraceObject) -> Any:
    """The content of a message or output: text, None, JSON value, or `Chunks`."""
    content = data.get("content")
    if isinstance(content, list):
        return Chunks(content, (*owner.place, "content"), owner.index)
    return content


def _metadata(view: TraceObject) -> dict[str, Any]:
    metadata = view.data.get("metadata")
    return {**(metadata if isinstance(metadata, dict) else {}), "trace_idx": view.index}


def _calls(view: TraceObject) -> list[ToolCall]:
    return [
        ToolCall(call, (*view.place, "tool_calls", number), view.index)
        for number, call in enumerate(tool_calls_of(view.data, f"$[{view.index}]"))
    ]


def _call_function(view: TraceObject) -> Function:
    return Function(function_of(view.data), (*view.place, "function"), view.index)


def _parameters(view: TraceObject, key: str, entries: list[dict[str, Any]]) -> list[ToolParameter]:
    return [
        ToolParameter(entry, (*view.place, key, str(entry.get("name", number))), view.index)
        for number, entry in enumerate(entries)
    ]


def _schema(view: TraceObject) -> list[ToolParameter]:
    return _parameters(view, "inputSchema", tool_parameters(view.data))


def _nested(view: TraceObject) -> list[ToolParameter]:
    return _parameters(view, "properties", view.data.get("properties") or [])


def _items(view: TraceObject) -> Any:
    items = view.data.get("items")
    if not isinstance(items, dict):
        return ABSENT
    return ToolParameter(items, (*view.place, "items"), view.index)


def _tool_server(view: TraceObject) -> Any:
    metadata = view.data.get("metadata")
    return metadata.get("server") if isinstance(metadata, dict) else None


def _description(view: TraceObject) -> Any:
    description = view.data.get("description")
    if description is None:
        return "no description available"
    return description if isinstance(description, str) else shown(description)


_SPECIAL: dict[tuple[type[TraceObject], str], Callable[[Any], Any]] = {
    (Message, "content"): lambda view: content_view(view.data, view),
    (Message, "tool_calls"): _calls,
    (Message, "metadata"): _metadata,
    (ToolOutput, "content"): lambda view: content_view(view.data, view),
    (ToolOutput, "metadata"): _metadata,
    (ToolCall, "function"): _call_function,
    (ToolCall, "metadata"): _metadata,
    (Function, "arguments"): lambda view: arguments_of(view.data),
    (Tool, "description"): _description,
    (Tool, "inputSchema"): _schema,
    (Tool, "server"): _tool_server,
    (ToolParameter, "properties"): _nested,
    (ToolParameter, "items"): _items,
}


def member(value: Any, name: str) -> Any:
    """`value.name`.

    Raises:
        EvaluationError: values of that kind have no such member.
    """
    if isinstance(value, dict):
        return value.get(name, ABSENT)
    if value is None or value is ABSENT:
        return ABSENT
    if isinstance(value, str):
        return json_entry(value, name)
    if isinstance(value, Chunks):
        return _chunks_member(value, name)
    if isinstance(value, TraceObject):
        kind = type(value)
        if name not in MEMBERS[kind.__name__]:
            raise _no_member(value, name)
        special = _SPECIAL.get((kind, name))
        if special is not None:
            return special(value)
        return value.data.get(name, ABSENT)
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None and name in fields and not name.startswith("_"):
        return getattr(value, name)
    raise _no_member(value, name)


def _chunks_member(value: Chunks, name: str) -> Any:
    if name == "text":
        return [text for text, _ in chunk_texts(value)]
    if name == "image":
        return [address for address, _ in chunk_images(value)]
    raise _no_member(value, name)


def _no_member(value: Any, name: str) -> EvaluationError:
    known = MEMBERS.get(type(value).__name__)
    hint = f": it has {', '.join(known)}" if known else ""
    return EvaluationError(f"{kind_of(value)} has no member `{name}`{hint}")


@lru_cache(maxsize=256)
def _parsed_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def json_entry(text: str, name: str) -> Any:
    """The entry of a text that is a JSON object, else absent."""
    if "{" not in text:
        return ABSENT
    value = _parsed_object(text)
    return ABSENT if value is None else value.get(name, ABSENT)


def index(value: Any, key: Any) -> Any:
    """`value[key]`; what is not there is absent.

    Raises:
        EvaluationError: values of that kind have no entries.
    """
    if key is ABSENT or value is None or value is ABSENT:
        return ABSENT
    if isinstance(value, dict):
        try:
            return value.get(key, ABSENT)
        except TypeError:
            return ABSENT
    is_position = isinstance(key, int) and not isinstance(key, bool)
    if isinstance(value, list | tuple | str) and is_position:
        try:
            return value[key]
        except IndexError:
            return ABSENT
    if isinstance(value, str) and isinstance(key, str):
        return json_entry(value, key)
    if isinstance(value, Chunks) and is_position:
        try:
            chunk = value.data[key]
        except IndexError:
            return ABSENT
        return chunk_view(value, key % len(value.data), chunk)
    raise EvaluationError(f"{kind_of(value)} has no entry `{shown(key)}`")


# --- chunks -------------------------------------------------------------------------------------


def image_address(chunk: Any) -> str | None:
    """The address of an image chunk, or None."""
    if isinstance(chunk, dict):
        image = chunk.get("image_url")
        address = image.get("url") if isinstance(image, dict) else image
        if isinstance(address, str):
            return address
    return None


def chunk_view(owner: Chunks, number: int, chunk: Any) -> Any:
    """A chunk as a policy sees it: `TextChunk`, `Image`, or the JSON value of an unknown kind."""
    place = (*owner.place, number)
    if isinstance(chunk, dict):
        if isinstance(chunk.get("text"), str):
            return TextChunk(chunk, place, owner.index)
        if image_address(chunk) is not None:
            return Image(chunk, place, owner.index)
    return chunk


def chunk_texts(chunks: Chunks) -> list[tuple[str, tuple[str | int, ...]]]:
    """The texts of chunked content with their places; a text may stand for its chunk."""
    found: list[tuple[str, tuple[str | int, ...]]] = []
    for number, chunk in enumerate(chunks.data):
        if isinstance(chunk, str):
            found.append((chunk, (*chunks.place, number)))
        elif isinstance(chunk, dict) and isinstance(chunk.get("text"), str):
            found.append((chunk["text"], (*chunks.place, number, "text")))
    return found


def chunk_images(chunks: Chunks) -> list[tuple[str, tuple[str | int, ...]]]:
    """The image addresses of chunked content with their places."""
    found = []
    for number, chunk in enumerate(chunks.data):
        address = image_address(chunk)
        if address is not None:
            found.append((address, (*chunks.place, number, "image_url", "url")))
    return found


# --- comparisons --------------------------------------------------------------------------------


def equals(left: Any, right: Any) -> bool:
    """`left == right`; absent equals None, and content in chunks is the list of them."""
    if left is ABSENT:
        left = None
    if right is ABSENT:
        right = None
    if isinstance(left, Chunks):
        left = left.data
    if isinstance(right, Chunks):
        right = right.data
    try:
        return bool(left == right)
    except RecursionError:
        return _equals_deeply(left, right)


def _equals_deeply(left: Any, right: Any) -> bool:
    """Equality of values that are nested too deep for `==`."""
    stack = [(left, right)]
    while stack:
        a, b = stack.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            if a.keys() != b.keys():
                return False
            stack.extend((entry, b[key]) for key, entry in a.items())
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            stack.extend(zip(a, b, strict=True))
        elif isinstance(a, dict | list) or isinstance(b, dict | list) or a != b:
            return False
    return True


def is_same(left: Any, right: Any) -> bool:
    """`left is right`: identity with None, True and False, else equality."""
    if right is None or right is ABSENT:
        return left is None or left is ABSENT
    if isinstance(right, bool):
        return left is right
    return equals(left, right)


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


def order(operator: str, left: Any, right: Any) -> bool:
    """`<`, `<=`, `>`, `>=`; False with None or absent.

    Raises:
        EvaluationError: the values cannot be ordered, such as a text and a number.
    """
    if left is None or right is None or left is ABSENT or right is ABSENT:
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    texts = isinstance(left, str) and isinstance(right, str)
    lists = isinstance(left, list | tuple) and isinstance(right, list | tuple)
    if numbers or texts or lists:
        try:
            return _ORDERS[operator](left, right)
        except (TypeError, RecursionError):
            pass
    raise EvaluationError(f"cannot order {kind_of(left)} and {kind_of(right)} with `{operator}`")


def contains(left: Any, right: Any) -> Any:
    """`left in right`; a list of truth values where the left side is a list.

    Raises:
        EvaluationError: a text can only contain texts.
    """
    if isinstance(left, list):
        return [contains(item, right) for item in left]
    if right is None or right is ABSENT or left is ABSENT:
        return False
    if isinstance(right, str):
        if isinstance(left, str):
            return left in right
        if left is None:
            return False
        raise EvaluationError(f"`in` looks for a text in a text, not for {kind_of(left)}")
    if isinstance(right, Chunks):
        if not isinstance(left, str):
            return any(equals(left, item) for item in right.data)
        return any(left in text for text, _ in chunk_texts(right)) or any(
            left in address for address, _ in chunk_images(right)
        )
    if isinstance(right, dict | set | frozenset):
        try:
            return left in right
        except TypeError:
            return False
    if isinstance(right, list | tuple):
        if type(left) is str:
            return left in right  # nothing but the same text equals a text
        return any(equals(left, item) for item in right)
    if isinstance(right, int | float):
        return False
    try:
        return left in right
    except TypeError:
        raise EvaluationError(f"`in` cannot look into {kind_of(right)}") from None


def contains_only(left: Any, right: Any) -> bool:
    """Whether every element of the right side occurs in the left side (see 4.6 of the language)."""
    for name, side in (("left", left), ("right", right)):
        if not isinstance(side, list | tuple | set | frozenset | dict) and side is not None:
            if side is ABSENT:
                continue
            raise EvaluationError(
                f"`contains_only` compares lists, the {name} side is {kind_of(side)}"
            )
    return all(any(equals(item, other) for other in left or ()) for item in right or ())


def pattern_equals(expected: Any, value: Any) -> bool:
    """Equality in tool patterns: numbers of either kind are equal, a bool and a number never."""
    if isinstance(expected, bool) or isinstance(value, bool):
        return value is expected
    if isinstance(expected, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(expected)
            and all(pattern_equals(x, y) for x, y in zip(expected, value, strict=True))
        )
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(
            key in value and pattern_equals(entry, value[key]) for key, entry in expected.items()
        )
    if value is ABSENT:
        return False
    return equals(expected, value)
