"""OpenAI chat messages: the format of events itself, and the requests and responses that carry
them.

Takes a list of messages (returned as it is), an object with `messages` and perhaps `tools`, or a
completion with `choices`. The older `function_call` and the role `function` become tool calls and
outputs.
"""

from __future__ import annotations

from typing import Any

from policyc.runtime.trace_access import TraceError, name_of_type

Events = list[dict[str, Any]]

_EVENT_KEYS = frozenset({"role", "tools", "function"})


def is_openai(data: Any) -> bool:
    """Whether the data are messages or something that carries them."""
    if isinstance(data, dict):
        return isinstance(data.get("messages"), list) or _is_completion(data) or _is_event(data)
    if not isinstance(data, list):
        return False
    return all(isinstance(x, dict) and _is_event(x) for x in data)


def convert(data: Any) -> Events:
    """The list of events.

    Raises:
        TraceError: the data are neither a list nor an object with a list of messages.
    """
    if isinstance(data, list):
        return _modernised(data)
    if not isinstance(data, dict):
        wanted = "a trace must be a list of events or an object with `messages`"
        raise TraceError("$", f"{wanted}, this is {name_of_type(data)}")
    if _is_event(data) and "messages" not in data:
        # A single event, which one line of JSON Lines is.
        return _modernised([data])
    messages = data.get("messages", [] if _is_completion(data) else None)
    if not isinstance(messages, list):
        raise TraceError("$", "an object must have a list of events as `messages`")
    before = _tools(data.get("tools"))
    after = _choices(data["choices"]) if _is_completion(data) else []
    # Without additions it is the caller's own list.
    return _modernised([*before, *messages, *after] if before or after else messages)


def _is_event(data: dict[str, Any]) -> bool:
    return not _EVENT_KEYS.isdisjoint(data)


def _is_completion(data: dict[str, Any]) -> bool:
    choices = data.get("choices")
    return isinstance(choices, list) and all(
        isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices
    )


def _choices(choices: list[dict[str, Any]]) -> Events:
    return [choice["message"] for choice in choices]


def _tools(tools: Any) -> Events:
    if not isinstance(tools, list) or not tools:
        return []
    return [{"tools": [_tool(tool, number) for number, tool in enumerate(tools)]}]


def _tool(tool: Any, number: int) -> dict[str, Any]:
    """A tool of a request: `{"type": "function", "function": {...}}`, or an entry of an event
    already."""
    if not isinstance(tool, dict):
        path = f"$.tools[{number}]"
        raise TraceError(path, f"a tool must be an object, this is {name_of_type(tool)}")
    function = tool.get("function")
    if not isinstance(function, dict):
        return tool if "name" in tool else {"name": str(tool.get("type")), **tool}
    return {
        "name": function.get("name"),
        "description": function.get("description"),
        "inputSchema": function.get("parameters"),
    }


def _modernised(events: list[Any]) -> Events:
    """The events with functions in place of what tools were before; the list itself if there are
    none."""
    if not any(
        isinstance(e, dict) and ("function_call" in e or e.get("role") == "function")
        for e in events
    ):
        return events
    return [_modern(event, number) for number, event in enumerate(events)]


def _modern(event: Any, number: int) -> Any:
    if not isinstance(event, dict):
        return event
    if event.get("role") == "function":
        # The output of an old function call names the function, not the call: the last one before
        # it.
        return {key: value for key, value in event.items() if key != "tool_call_id"} | {
            "role": "tool"
        }
    call = event.get("function_call")
    if call is None or event.get("tool_calls"):
        return event
    if not isinstance(call, dict):
        path = f"$[{number}].function_call"
        raise TraceError(path, f"a function call must be an object, this is {name_of_type(call)}")
    rest = {key: value for key, value in event.items() if key != "function_call"}
    return rest | {"tool_calls": [{"id": None, "type": "function", "function": call}]}
