"""The names that generated code uses (see `compiler.codegen`): accesses to raw events with the
interpreter's meaning."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from policyc.compiler import typesystem as ts
from policyc.runtime.builtins import arithmetic as operators
from policyc.runtime.builtins.methods import call_method
from policyc.runtime.events import Chunks
from policyc.runtime.failures import LimitExceeded
from policyc.runtime.texts import collect_texts
from policyc.runtime.traces import (
    TraceError,
    arguments_of,
    event_kind,
    function_of,
    tool_calls_of,
    tools_of,
)
from policyc.runtime.values import (
    ABSENT,
    contains,
    equals,
    index,
    member,
    order,
    pattern_equals,
)
from policyc.runtime.wildcards import wildcard_match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyc.runtime.history import CallLinks
    from policyc.runtime.matches import Coordinate, Event
    from policyc.runtime.run import Run


def bad_calls(calls: Any, number: int) -> None:
    """Refuse `tool_calls` that is no list."""
    tool_calls_of({"tool_calls": calls}, f"$[{number}]")


def call_parts(call: Any, number: int, part: int) -> tuple[dict[str, Any], Any]:
    """Function and name of a tool call that lacks some part, or the error that says which."""
    place = f"$[{number}]" if part < 0 else f"$[{number}].tool_calls[{part}]"
    if not isinstance(call, dict):
        raise TraceError(place, "a tool call must be an object")
    function = function_of(call)
    if not isinstance(function.get("name"), str):
        raise TraceError(f"{place}.function", "a tool call needs the name of its tool as `name`")
    return function, function["name"]


def check_readable(event: Any, number: int) -> None:
    """Refuse an event that a search cannot read to its end.

    Raises:
        TraceError: it is malformed.
    """
    kind = event_kind(event, number)
    if kind == "message":
        for part, call in enumerate(tool_calls_of(event, f"$[{number}]")):
            call_parts(call, number, part)
    elif kind == "call":
        call_parts(event, number, -1)
    elif kind == "tools":
        tools_of(event, f"$[{number}]")


def objects_of(domain: str, number: int, event: Event, run: Run) -> Iterator[tuple[int, Any]]:
    """The objects of a type in an event that is rarely asked for: part and value."""
    kind = ts.TYPE_NAMES.get(domain) or ts.Type(domain)
    for (_, part), value, _ in run.history_of(number, event).objects_of(kind, number, event):
        yield part, value


def last_place(event: Event, number: int, before: Coordinate | None) -> Coordinate | None:
    """The last place of an event in the trace's order; `before` where nothing is in it."""
    kind = event_kind(event, number)
    if kind == "message":
        return (number, len(tool_calls_of(event, f"$[{number}]")) - 1)
    if kind == "tools":
        count = len(tools_of(event, f"$[{number}]"))
        return (number, count - 1) if count else before
    return (number, -1)


def is_next(number: int, part: int, later: int, later_part: int, before: Coordinate | None) -> bool:
    """`~>`: whether the first place comes right before the second; `before` is the one before its
    event."""
    if later_part >= 0:
        return number == later and part == later_part - 1
    return (number, part) == before


# --- content as it stands in the event
# -------------------------------------------------------------


def texts_of(value: Any) -> list[str]:
    """The texts in a value that is no text itself."""
    return [text for text, _ in collect_texts(None if value is ABSENT else value)]


def texts_of_content(content: Any) -> list[str]:
    """The texts of content that is no text itself."""
    return texts_of(Chunks(content, (), 0) if isinstance(content, list) else content)


def content_contains(left: Any, content: Any) -> Any:
    """`left in content`."""
    return contains(left, Chunks(content, (), 0) if isinstance(content, list) else content)


def any_in_content(words: list[str], content: Any) -> bool:
    """`any([...] in content)`."""
    if type(content) is str:
        return any(word in content for word in words)
    return any(content_contains(word, content) for word in words)


def any_text(test: Callable[[str], Any], texts: list[str]) -> bool:
    """Whether a pattern's test holds of some text."""
    return any(map(test, texts))


def content_method(content: Any, name: str, args: list[Any]) -> Any:
    """A method call on content."""
    return method(Chunks(content, (), 0) if isinstance(content, list) else content, name, args)


def method(value: Any, name: str, args: list[Any]) -> Any:
    """A method call on a text or JSON value."""
    if value is None or value is ABSENT:
        return ABSENT
    return call_method(value, name, [plain(arg) for arg in args], {})


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """`left + right` and the like."""
    if left is ABSENT or right is ABSENT:
        return ABSENT
    return operators.OPERATORS[operator](left, right)


def plain(value: Any) -> Any:
    """An argument for a function: absent is None to it."""
    return None if value is ABSENT else value


# --- joins
# ------------------------------------------------------------------------------------------


def key(value: Any, depth: int = 0) -> Any:
    """What a value is looked up by: equal values have equal keys."""
    if value is None or value is ABSENT:
        return None
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, Chunks):
        value = value.data
    if depth < _DEEPEST_KEY:
        if isinstance(value, dict):
            entries = ((name, key(entry, depth + 1)) for name, entry in value.items())
            return (dict, frozenset(entries))
        if isinstance(value, list):
            return (list, tuple([key(item, depth + 1) for item in value]))
    return _CONTAINER


_DEEPEST_KEY = 8
_CONTAINER = object()


def answered_tool(links: CallLinks, number: int, output: Event) -> Any:
    """The name of the tool whose call an output answers, or None."""
    found = links.find(number, output)
    return None if found is None else function_of(found[1]).get("name")


NAMESPACE: dict[str, Any] = {
    "ABSENT": ABSENT,
    "LimitExceeded": LimitExceeded,
    "answered_tool": answered_tool,
    "any_in_content": any_in_content,
    "any_text": any_text,
    "arguments_of": arguments_of,
    "arithmetic": arithmetic,
    "bad_calls": bad_calls,
    "call_parts": call_parts,
    "contains": contains,
    "content_contains": content_contains,
    "content_method": content_method,
    "equals": equals,
    "event_kind": event_kind,
    "index": index,
    "is_next": is_next,
    "islice": islice,
    "key": key,
    "last_place": last_place,
    "member": member,
    "method": method,
    "objects_of": objects_of,
    "order": order,
    "pattern_equals": pattern_equals,
    "plain": plain,
    "texts_of": texts_of,
    "texts_of_content": texts_of_content,
    "tools_of": tools_of,
    "wildcard_match": wildcard_match,
}
