"""The structure of a trace: says what is wrong, where, and what belongs there instead.

Takes the list of events as it came from JSON and returns nothing; a trace that passes is accepted
by every part of the engine. What is only unusual passes: unknown kinds of chunks, outputs of any
JSON type, arguments that are no JSON, missing ids.
"""

from __future__ import annotations

from typing import Any

from policyc.runtime.nesting import MAX_DEPTH, is_too_deep
from policyc.runtime.trace_access import (
    SCHEMA_TYPES,
    UNKNOWN_TYPE,
    TraceError,
    event_kind,
    name_of_type,
    schema_type,
    tool_calls_of,
    tools_of,
)


def check_trace(events: Any) -> None:
    """Check every event of a trace.

    Raises:
        TraceError: the first place that is wrong.
    """
    if not isinstance(events, list):
        message = f"a trace must be a list of events, this is {name_of_type(events)}"
        raise TraceError("$", message)
    for index, event in enumerate(events):
        check_event(event, index)


def check_event(event: Any, index: int) -> None:
    """Check the event number `index`. Raises as `check_trace` does."""
    path = f"$[{index}]"
    kind = event_kind(event, index)
    _check_metadata(event, path)
    if kind == "message":
        _check_content(event.get("content"), f"{path}.content")
        for number, call in enumerate(tool_calls_of(event, path)):
            _check_call(call, f"{path}.tool_calls[{number}]")
    elif kind == "output":
        _check_output(event, path)
    elif kind == "call":
        _check_call(event, path)
    else:
        for number, tool in enumerate(tools_of(event, path)):
            _check_tool(tool, f"{path}.tools[{number}]")


def _check_metadata(holder: dict[str, Any], path: str) -> None:
    metadata = holder.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise TraceError(
            f"{path}.metadata", f"`metadata` must be an object, this is {name_of_type(metadata)}"
        )
    _check_depth(metadata, f"{path}.metadata")


def _check_depth(value: Any, path: str) -> None:
    if isinstance(value, dict | list) and is_too_deep(value):
        raise TraceError(path, f"this is nested more than {MAX_DEPTH} levels deep")


def _check_content(content: Any, path: str) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        wanted = "the content of a message must be a text, null or a list of chunks"
        raise TraceError(path, f"{wanted}, this is {name_of_type(content)}")
    for number, chunk in enumerate(content):
        _check_chunk(chunk, f"{path}[{number}]")
    _check_depth(content, path)


def _check_chunk(chunk: Any, path: str) -> None:
    if not isinstance(chunk, dict):
        wanted = 'a chunk must be an object such as {"type": "text", "text": "..."}'
        raise TraceError(path, f"{wanted}, this is {name_of_type(chunk)}")
    # A chunk that says it is a text and holds none would be overlooked by every rule.
    if chunk.get("type") == "text" and not isinstance(chunk.get("text"), str):
        raise TraceError(f"{path}.text", "a chunk of the type `text` needs a text")
    if chunk.get("type") == "image_url":
        image = chunk.get("image_url")
        address = image.get("url") if isinstance(image, dict) else image
        if not isinstance(address, str):
            wanted = 'an image needs its address, as in {"image_url": {"url": "..."}}'
            raise TraceError(f"{path}.image_url", wanted)


def _check_output(event: dict[str, Any], path: str) -> None:
    _check_id(event, "tool_call_id", path)
    _check_depth(event.get("content"), f"{path}.content")


def _check_id(holder: dict[str, Any], key: str, path: str) -> None:
    identifier = holder.get(key)
    if identifier is not None and not isinstance(identifier, str):
        raise TraceError(
            f"{path}.{key}", f"`{key}` must be a text or null, this is {name_of_type(identifier)}"
        )


def _check_call(call: dict[str, Any], path: str) -> None:
    _check_id(call, "id", path)
    _check_metadata(call, path)
    if not isinstance(call.get("type"), str):
        raise TraceError(f"{path}.type", "a tool call needs a `type`, usually `function`")
    function = call.get("function")
    if not isinstance(function, dict):
        wanted = 'a tool call needs a `function` such as {"name": "...", "arguments": {...}}'
        raise TraceError(f"{path}.function", wanted)
    if not isinstance(function.get("name"), str):
        raise TraceError(f"{path}.function.name", "a tool call needs the name of its tool")
    _check_depth(function.get("arguments"), f"{path}.function.arguments")


def _check_tool(tool: dict[str, Any], path: str) -> None:
    if not isinstance(tool.get("name"), str):
        raise TraceError(f"{path}.name", "a tool needs a name")
    _check_metadata(tool, path)
    schema = tool.get("inputSchema")
    if schema is None:
        return
    if not isinstance(schema, dict):
        raise TraceError(
            f"{path}.inputSchema",
            f"`inputSchema` must be an object, this is {name_of_type(schema)}",
        )
    _check_depth(schema, f"{path}.inputSchema")
    _check_properties(schema, f"{path}.inputSchema")


def _check_properties(schema: dict[str, Any], path: str) -> None:
    properties = schema.get("properties")
    if properties is None:
        return
    if not isinstance(properties, dict):
        raise TraceError(f"{path}.properties", "`properties` must be an object")
    for key, entry in properties.items():
        _check_schema(entry, f"{path}.properties.{key}")


def _check_schema(schema: Any, path: str) -> None:
    if not isinstance(schema, dict):
        return
    kind, _ = schema_type(schema)
    if UNKNOWN_TYPE in (kind if isinstance(kind, list) else [kind]):
        known = ", ".join(dict.fromkeys(SCHEMA_TYPES.values()))
        raise TraceError(f"{path}.type", f"unknown type of a parameter; known are {known}")
    if kind == "object":
        _check_properties(schema, path)
    if kind == "array":
        _check_schema(schema.get("items"), f"{path}.items")
