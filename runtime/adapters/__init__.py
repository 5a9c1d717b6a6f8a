"""Formats of traces: which one a JSON value is in, and how it becomes the list of events that
policies are about.

Each format is a module with `is_<format>(data)` and `convert(data)`; the events are OpenAI's chat
messages. The marks of the formats exclude one another, with one exception: a text in an event of
OpenHands may be anything, also a message of JSON-RPC, so OpenHands comes first. What fits none is
taken for events, and the check of the trace says what is wrong with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from policyc.runtime.trace_access import TraceError

if TYPE_CHECKING:
    from types import ModuleType

    Events = list[dict[str, Any]]

_ADAPTERS = {
    "openhands": "events of OpenHands",
    "openhands-sdk": "events of the OpenHands SDK",
    "mcp": "a log of JSON-RPC messages",
    "anthropic": "messages with content blocks",
    "responses": "items of the Responses API",
    "openai": "a list of messages, or an object with `messages`",
}
"""For each format what the data are; its module has the name of the format."""

_OF_CHAT = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})


def convert(data: Any, format: str = "auto") -> Events:  # noqa: A002  # the public name
    """The events of a trace in any format.

    Raises:
        TraceError: the data is not in the format named, or in none.
    """
    if format == "auto":
        return _adapt(_format_of(data), data)
    if format not in _ADAPTERS:
        known = ", ".join(("auto", *sorted(_ADAPTERS)))
        raise TraceError("$", f"unknown format `{format}`; known are {known}")
    if not _fits(format, data):
        wanted = _ADAPTERS[format]
        raise TraceError("$", f"this is not in the format `{format}`, which is {wanted}")
    return _adapt(format, data)


def _format_of(data: Any) -> str:
    # The other modules are not even loaded for what is plain chat.
    if _is_plain_chat(data):
        return "openai"
    return next((name for name in _ADAPTERS if _fits(name, data)), "openai")


def _is_plain_chat(data: Any) -> bool:
    """Whether the data are messages of texts and calls, which fit no format but `openai`."""
    return isinstance(data, list) and all(
        isinstance(item, dict)
        and "role" in item
        and item.keys() <= _OF_CHAT
        and isinstance(item.get("content"), str | None)
        for item in data
    )


def _module(name: str) -> ModuleType:
    return import_module(f"policyc.runtime.adapters.{name.replace('-', '_')}")


def _fits(name: str, data: Any) -> bool:
    module = _module(name)
    return bool(getattr(module, f"is_{name.replace('-', '_')}")(data))


def _adapt(name: str, data: Any) -> Events:
    events: Events = _module(name).convert(data)
    return events
