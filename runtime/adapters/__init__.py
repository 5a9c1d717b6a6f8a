"""Formats of traces: which one a JSON value is in, and how it becomes the list of events that
policies are about.

Each format is a module with `is_<format>(data)` and `convert(data)`; the events are OpenAI's chat
messages. The marks of the formats exclude one another, with one exception: a text in an event of
OpenHands may be anything, also a message of JSON-RPC, so OpenHands comes first. What fits none is
taken for events, and the check of the trace says what is wrong with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.runtime.adapters import anthropic, mcp, openai, openhands, openhands_sdk, responses
from policyc.runtime.trace_access import TraceError

if TYPE_CHECKING:
    from collections.abc import Callable

    Events = list[dict[str, Any]]

_ADAPTERS: dict[str, tuple[Callable[[Any], bool], Callable[[Any], Events], str]] = {
    "openhands": (openhands.is_openhands, openhands.convert, "events of OpenHands"),
    "openhands-sdk": (
        openhands_sdk.is_openhands_sdk,
        openhands_sdk.convert,
        "events of the OpenHands SDK",
    ),
    "mcp": (mcp.is_mcp, mcp.convert, "a log of JSON-RPC messages"),
    "anthropic": (anthropic.is_anthropic, anthropic.convert, "messages with content blocks"),
    "responses": (responses.is_responses, responses.convert, "items of the Responses API"),
    "openai": (
        openai.is_openai,
        openai.convert,
        "a list of messages, or an object with `messages`",
    ),
}


def convert(data: Any, format: str = "auto") -> Events:  # noqa: A002  # the public name
    """The events of a trace in any format.

    Raises:
        TraceError: the data is not in the format named, or in none.
    """
    if format == "auto":
        for fits, adapt, _ in _ADAPTERS.values():
            if fits(data):
                return adapt(data)
        return openai.convert(data)
    if format not in _ADAPTERS:
        known = ", ".join(("auto", *sorted(_ADAPTERS)))
        raise TraceError("$", f"unknown format `{format}`; known are {known}")
    fits, adapt, wanted = _ADAPTERS[format]
    if not fits(data):
        raise TraceError("$", f"this is not in the format `{format}`, which is {wanted}")
    return adapt(data)
