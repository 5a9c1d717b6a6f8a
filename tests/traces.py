"""Events as tests write them: short to read, complete as the trace format wants them."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def user(content: Any = "hello", **more: Any) -> Event:
    return {"role": "user", "content": content, **more}


def assistant(*calls: Event, content: Any = None, **more: Any) -> Event:
    """A message of the agent with the given tool calls."""
    event: Event = {"role": "assistant", "content": content, **more}
    if calls:
        event["tool_calls"] = list(calls)
    return event


def call(name: str, arguments: Any = None, id: str = "1") -> Event:  # noqa: A002  # as in the format
    """A tool call; a dict or a JSON text of arguments, none by default."""
    function = {"name": name, "arguments": {} if arguments is None else arguments}
    return {"id": id, "type": "function", "function": function}


def calls(name: str, /, **arguments: Any) -> Event:
    """A message of the agent with one tool call."""
    return assistant(call(name, arguments))


def output(content: Any = "done", id: str | None = "1", **more: Any) -> Event:  # noqa: A002
    """A tool output; without an id it answers the last call before it."""
    event: Event = {"role": "tool", "content": content, **more}
    if id is not None:
        event["tool_call_id"] = id
    return event


def tools(*names: str) -> Event:
    """A `tools` event that lists tools without parameters."""
    return {"tools": [{"name": name, "description": f"the tool {name}"} for name in names]}
