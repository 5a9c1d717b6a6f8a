"""Events of the OpenHands SDK: dicts as `model_dump(mode="json")` writes them.

An action becomes a tool call of its own, after its thought; what the tool answered becomes the
output. The arguments of a call are what runs, over what the model wrote: the SDK repairs what the
model got wrong, and a rule must not miss it for that. `metadata` of an output: `is_error`,
`exit_code`, `rejected`; `metadata.images`: placeholders.
"""

from __future__ import annotations

import json
from typing import Any, Final

from policyc.runtime.adapters.images import placeholders
from policyc.runtime.adapters.openhands import call_event, thoughts
from policyc.runtime.trace_access import TraceError

Events = list[dict[str, Any]]
Event = dict[str, Any]

_OUTPUTS: Final = frozenset({"ObservationEvent", "AgentErrorEvent", "UserRejectObservation"})
_TOLD: Final = _OUTPUTS | {
    "SystemPromptEvent",
    "MessageEvent",
    "ActionEvent",
    "ACPToolCallEvent",
}
_MARKS: Final = frozenset({"kind", "id", "source", "timestamp"})


def is_openhands_sdk(data: Any) -> bool:
    """Whether the data are events of the SDK, some of which are not only about its own state."""
    items = data if isinstance(data, list) else [data]
    return all(is_event(item) for item in items) and any(item["kind"] in _TOLD for item in items)


def is_event(item: Any) -> bool:
    """Whether this is an event of the SDK."""
    is_marked = isinstance(item, dict) and item.keys() >= _MARKS and "role" not in item
    return is_marked and isinstance(item["kind"], str)


def convert(data: Any) -> Events:
    """The list of events.

    Raises:
        TraceError: an event is not what it should be.
    """
    items = data if isinstance(data, list) else [data]
    told: set[str] = set()
    return [
        event
        for number, item in enumerate(items)
        for event in events_of(item, f"$[{number}]", told)
    ]


def events_of(item: Event, path: str = "$", told: set[str] | None = None) -> Events:
    """What an event of the SDK is in a trace: none, one or several events.

    Args:
        item: the event.
        path: of the event, for messages.
        told: the ids of calls of other agents (ACP) that were converted before.

    Raises:
        TraceError: a part of it is not what it should be.
    """
    kind = item["kind"]
    if kind == "SystemPromptEvent":
        return _system(item)
    if kind == "MessageEvent":
        return [_message(item, path)]
    if kind == "ActionEvent":
        text, _ = _content(item.get("thought"))
        return [*thoughts(text), _call(item, path)]
    if kind in _OUTPUTS:
        return [_output(item, kind)]
    if kind == "ACPToolCallEvent":
        return _foreign(item, set() if told is None else told)
    # States, condensations, pauses: nothing that the agent does.
    return []


def _system(item: Event) -> Events:
    parts = [item.get("system_prompt"), item.get("dynamic_context")]
    text, images = _content([part for part in parts if part])
    events: Events = [_with_images({"role": "system", "content": text}, images)]
    tools = [_tool(tool) for tool in _list(item.get("tools")) if isinstance(tool, dict)]
    return [{"tools": tools}, *events] if tools else events


def _tool(tool: Event) -> Event:
    told = tool.get("mcp_tool")
    told = told if isinstance(told, dict) else {}
    return {
        "name": str(told.get("name") or tool.get("title") or tool.get("kind")),
        "description": tool.get("description"),
        "inputSchema": told.get("inputSchema"),
    }


def _message(item: Event, path: str) -> Event:
    message = item.get("llm_message")
    if not isinstance(message, dict):
        raise TraceError(f"{path}.llm_message", "a message needs its `llm_message`")
    text, images = _content([*_list(message.get("content")), *_list(item.get("extended_content"))])
    return _with_images({"role": message.get("role"), "content": text}, images)


def _call(item: Event, path: str) -> Event:
    name = item.get("tool_name")
    if not isinstance(name, str):
        raise TraceError(f"{path}.tool_name", "a call needs the name of its tool")
    return call_event(item.get("tool_call_id"), name, _arguments(item))


def _arguments(item: Event) -> Any:
    call, action = item.get("tool_call"), item.get("action")
    written = call.get("arguments") if isinstance(call, dict) else None
    if not isinstance(action, dict):
        return written
    executed = {name: value for name, value in action.items() if name != "kind"}
    if action.get("kind") == "MCPToolAction" and isinstance(action.get("data"), dict):
        executed = action["data"]
    try:
        parsed = json.loads(written) if isinstance(written, str) else written
    except (ValueError, RecursionError):
        return executed
    return {**parsed, **executed} if isinstance(parsed, dict) else executed


def _output(item: Event, kind: str) -> Event:
    metadata: dict[str, Any] = {}
    images: list[str] = []
    text: Any = item.get("error") if kind == "AgentErrorEvent" else item.get("rejection_reason")
    if kind == "ObservationEvent":
        observation = item.get("observation")
        observation = observation if isinstance(observation, dict) else {}
        parts = [*_list(observation.get("content")), *_list(item.get("extended_content"))]
        text, images = _content(parts)
        if not text:
            # Tools whose answer is in fields of its own.
            text = observation.get("output") or text
        if observation.get("exit_code") is not None:
            metadata["exit_code"] = observation["exit_code"]
        if observation.get("is_error"):
            metadata["is_error"] = True
    elif kind == "AgentErrorEvent":
        metadata["is_error"] = True
    else:
        metadata["rejected"] = item.get("rejection_source") or "user"
    if images:
        metadata["images"] = images
    identifier = item.get("tool_call_id")
    return {"metadata": metadata, "role": "tool", "content": text, "tool_call_id": identifier}


def _foreign(item: Event, told: set[str]) -> Events:
    """A call that another agent (ACP) made by itself: told when it begins, and again with its
    answer."""
    identifier = str(item.get("tool_call_id"))
    name = str(item.get("tool_kind") or item.get("title"))
    events: Events = []
    if identifier not in told:
        told.add(identifier)
        events.append(call_event(identifier, name, item.get("raw_input")))
    if item.get("raw_output") is not None or item.get("status") in ("completed", "failed"):
        metadata = {"is_error": True} if item.get("is_error") else {}
        output = {"metadata": metadata, "role": "tool", "content": item.get("raw_output")}
        events.append({**output, "tool_call_id": identifier})
    return events


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _content(parts: Any) -> tuple[str, list[str]]:
    """The text of a list of contents, and placeholders of the images in it."""
    texts: list[str] = []
    images: list[str] = []
    for part in _list(parts):
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, dict):
            images += placeholders(part.get("image_urls"))
    return "\n".join(texts), images


def _with_images(event: Event, images: list[str]) -> Event:
    return {"metadata": {"images": images} if images else {}, **event}
