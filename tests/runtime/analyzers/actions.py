"""Actions and events, in the forms that analyzers take."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def call(name: str, identifier: str = "1", **arguments: Any) -> Event:
    """A tool call, as an event of policyc."""
    function = {"name": name, "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


def output(content: Any, identifier: str = "1") -> Event:
    return {"role": "tool", "tool_call_id": identifier, "content": content}


def user(content: str) -> Event:
    return {"role": "user", "content": content}


def run(command: str, number: int | None = None, **arguments: Any) -> Event:
    """A command, as an event of OpenHands."""
    event: Event = {"action": "run", "args": {"command": command, "thought": "", **arguments}}
    return event if number is None else {"id": number, **event}


def ran(content: str, number: int, cause: int, kind: str = "run") -> Event:
    """What a command answered, as an event of OpenHands."""
    event = {"id": number, "cause": cause, "observation": kind, "content": content}
    return {**event, "extras": {}}
