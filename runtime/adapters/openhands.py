"""Events of OpenHands (the application's own, "V0"): dicts as `event_to_dict` writes them.

An action becomes a tool call of its own, after the thought that led to it; an observation becomes
an output. Names and arguments are those that OpenHands sends to its analysis server, so policies
written for it hold here. What that form loses is kept:

- ids: a call has the id that the model gave it, and an output belongs to the call that caused it;
- a call of an MCP tool (`call_tool_mcp`) is followed by the same call under the tool's own name;
- `metadata` of an output: `observation`, `exit_code`, `is_error`, `path`, `url`, `mcp_tool`;
- `metadata.images`: placeholders of images; `metadata.thought` marks a message that is a thought;
- an empty thought is no message.

Each event costs the same, whatever came before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.runtime.adapters.images import placeholders
from policyc.runtime.trace_access import TraceError, name_of_type

if TYPE_CHECKING:
    from collections.abc import Mapping

Events = list[dict[str, Any]]

NOT_IN_TRACE = frozenset({"null", "change_agent_state", "agent_state_changed"})
"""Actions and observations that say nothing about what the agent does."""

_NO_ARGUMENTS = frozenset(
    {
        "thought",
        "id",
        "timestamp",
        "source",
        "message",
        "cause",
        "action",
        "observation",
        "tool_call_metadata",
        "llm_metrics",
    }
)
_KEPT = ("exit_code", "path", "url")


def is_openhands(data: Any) -> bool:
    """Whether the data are events of OpenHands."""
    items = data if isinstance(data, list) else [data]
    return bool(items) and all(is_event(item) for item in items)


def convert(data: Any) -> Events:
    """The list of events.

    Raises:
        TraceError: an event is not what it should be.
    """
    conversion = Conversion()
    items = data if isinstance(data, list) else [data]
    return [event for number, item in enumerate(items) for event in conversion.add(item, number)]


def is_event(item: Any) -> bool:
    """Whether this is an event: `action` with `args`, or `observation` with `content`. No other
    format has either pair."""
    if not isinstance(item, dict) or "role" in item:
        return False
    if isinstance(item.get("action"), str):
        return isinstance(item.get("args"), dict)
    return isinstance(item.get("observation"), str) and "content" in item


class Conversion:
    """Converts the events of one conversation, one after the other.

    An output that nothing links to a call has the id of the last one, or with `guesses=False` none;
    then it belongs to the last call of the trace that it gets into.
    """

    def __init__(self, *, guesses: bool = True) -> None:
        self._guesses = guesses
        self._count = 0
        self._last: str | None = None
        self._used: set[str] = set()
        self._by_event: dict[Any, str] = {}

    def add(self, item: Any, number: int | None = None) -> Events:
        """What an event of OpenHands is in a trace: none, one or several events.

        `number`: of the event, for messages.

        Raises:
            TraceError: it is no event, or a part of it is not what it should be.
        """
        path = "$" if number is None else f"$[{number}]"
        if not isinstance(item, dict):
            raise TraceError(path, f"an event must be an object, this is {name_of_type(item)}")
        action, observation = item.get("action"), item.get("observation")
        if isinstance(action, str):
            return self._action(item, action, path) if action not in NOT_IN_TRACE else []
        if isinstance(observation, str):
            return [] if observation in NOT_IN_TRACE else [self._observation(item, observation)]
        raise TraceError(path, "an event of OpenHands needs an `action` or an `observation`")

    def _action(self, item: dict[str, Any], action: str, path: str) -> Events:
        given = item.get("args", {})
        if not isinstance(given, dict):
            raise TraceError(f"{path}.args", f"`args` must be an object, {name_of_type(given)}")
        if action == "message":
            return [_message(item, given)]
        identifier = self._id_of(item)
        arguments = {name: value for name, value in given.items() if name not in _NO_ARGUMENTS}
        events = thoughts(given.get("thought"))
        events.append(call_event(identifier, action, arguments))
        if action == "call_tool_mcp" and isinstance(arguments.get("name"), str):
            inner = arguments.get("arguments")
            events.append(call_event(identifier, arguments["name"], inner, {"of": action}))
        return events

    def _id_of(self, item: dict[str, Any]) -> str:
        identifier = call_id_of(item)
        if identifier is None:
            self._count += 1
            while str(self._count) in self._used:
                self._count += 1
            identifier = str(self._count)
        self._used.add(identifier)
        self._last = identifier
        if (own := _number(item.get("id"))) is not None:
            self._by_event[own] = identifier
        return identifier

    def _observation(self, item: dict[str, Any], observation: str) -> dict[str, Any]:
        cause = self._by_event.get(_number(item.get("cause")))
        identifier = call_id_of(item) or cause or (self._last if self._guesses else None)
        event: dict[str, Any] = {
            "metadata": _metadata_of(item, observation),
            "role": "tool",
            "content": item.get("content"),
        }
        if identifier is not None:
            event["tool_call_id"] = identifier
        return event


def call_id_of(item: Mapping[str, Any]) -> str | None:
    """The id that the model gave the call of an event; None: it gave none."""
    metadata = item.get("tool_call_metadata")
    found = metadata.get("tool_call_id") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) and found else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _message(item: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    role = "user" if item.get("source") == "user" else "assistant"
    images = placeholders(given.get("image_urls"))
    metadata = {"images": images} if images else {}
    return {"metadata": metadata, "role": role, "content": given.get("content")}


def thoughts(thought: Any) -> Events:
    """The message that a thought is; none if it is empty."""
    if not isinstance(thought, str) or not thought:
        return []
    return [{"metadata": {"thought": True}, "role": "assistant", "content": thought}]


def call_event(
    identifier: Any, name: str, arguments: Any, metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A tool call of its own."""
    function = {"name": name, "arguments": arguments}
    return {
        "metadata": metadata or {},
        "id": identifier,
        "type": "function",
        "function": function,
    }


def _metadata_of(item: dict[str, Any], observation: str) -> dict[str, Any]:
    """What the content of an observation does not say."""
    extras = item.get("extras")
    extras = extras if isinstance(extras, dict) else {}
    inner = extras.get("metadata")
    known = {**(inner if isinstance(inner, dict) else {}), **extras}
    metadata: dict[str, Any] = {"observation": observation}
    metadata |= {name: known[name] for name in _KEPT if known.get(name) not in (None, "")}
    if observation == "error" or item.get("success") is False or known.get("error") is True:
        metadata["is_error"] = True
    if observation == "mcp" and isinstance(known.get("name"), str):
        metadata["mcp_tool"] = known["name"]
    images = placeholders([known.get("screenshot"), known.get("set_of_marks")])
    images += placeholders(known.get("image_urls"))
    if images:
        metadata["images"] = images
    return metadata
