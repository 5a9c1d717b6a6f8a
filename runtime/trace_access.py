"""Reading the parts of raw trace events: what an event is, its calls, their arguments, its tools.

Takes the dicts of a trace as they came from JSON, whatever is in them, and gives their parts in one
form. Nothing is copied or changed. Values of any JSON type may stand anywhere; where no sense can
be made of one, a `TraceError` says where it is and what belongs there. No other exception leaves
this module.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final, Literal

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.events import shown
from policyc.runtime.nesting import MAX_DEPTH, is_too_deep

UNPARSED: Final = "__unparsed__"
"""The key under which arguments are kept that are no JSON object."""

NO_DESCRIPTION: Final = "no description available"


EventKind = Literal["message", "output", "call", "tools"]


class TraceError(PolicycError):
    """A trace that cannot be read. `path` is a JSON path such as `$[3].tool_calls[0].function`."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.path, self.message))


def name_of_type(value: Any) -> str:
    """What a JSON value is, in the words of messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list | tuple) else "an object"


def event_kind(event: Any, index: int) -> EventKind:
    """What the event number `index` of a trace is.

    Raises:
        TraceError: it is no event.
    """
    path = f"$[{index}]"
    if not isinstance(event, dict):
        raise TraceError(path, f"an event must be an object, this is {name_of_type(event)}")
    role = event.get("role")
    if role is not None:
        if not isinstance(role, str):
            raise TraceError(f"{path}.role", f"a role must be a text, this is {name_of_type(role)}")
        return "output" if role == "tool" else "message"
    if "tools" in event and "function" not in event:
        return "tools"
    if "type" in event or "function" in event:
        return "call"
    raise TraceError(path, "an event needs a `role`, or `tools`, or must be a tool call")


def tool_calls_of(event: dict[str, Any], path: str) -> list[dict[str, Any]]:
    """The tool calls of a message; none for a missing or empty entry.

    Raises:
        TraceError: they are no list of objects.
    """
    calls = event.get("tool_calls")
    if calls is None:
        return []
    if not isinstance(calls, list):
        message = f"`tool_calls` must be a list, this is {name_of_type(calls)}"
        raise TraceError(f"{path}.tool_calls", message)
    for number, call in enumerate(calls):
        if not isinstance(call, dict):
            message = f"a tool call must be an object, this is {name_of_type(call)}"
            raise TraceError(f"{path}.tool_calls[{number}]", message)
    return calls


def function_of(call: dict[str, Any]) -> dict[str, Any]:
    """The `function` of a tool call; empty where there is none."""
    function = call.get("function")
    return function if isinstance(function, dict) else {}


def arguments_of(function: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call as a dict: as they are, or parsed from JSON text.

    What is no JSON object is kept as `{UNPARSED: value}`, so that the call is still judged.
    """
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        return arguments
    if isinstance(arguments, str):
        return _parsed_once(arguments) if len(arguments) < _MOST_REMEMBERED else _parsed(arguments)
    return {} if arguments is None else {UNPARSED: arguments}


_MOST_REMEMBERED = 10_000


def _parsed(text: str) -> dict[str, Any]:
    if not text or text.isspace():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {UNPARSED: text}
    if not isinstance(value, dict):
        return {UNPARSED: text}
    if text.count("{") + text.count("[") > MAX_DEPTH and is_too_deep(value):
        return {UNPARSED: text}
    return value


_parsed_once = lru_cache(maxsize=512)(_parsed)


# --- tools --------------------------------------------------------------------------------------


def tools_of(event: dict[str, Any], path: str = "$") -> list[dict[str, Any]]:
    """The tools of a `tools` event, as they are.

    Raises:
        TraceError: they are no list of objects.
    """
    tools = event.get("tools")
    if not isinstance(tools, list):
        raise TraceError(f"{path}.tools", f"`tools` must be a list, this is {name_of_type(tools)}")
    for number, tool in enumerate(tools):
        if not isinstance(tool, dict):
            message = f"a tool must be an object, this is {name_of_type(tool)}"
            raise TraceError(f"{path}.tools[{number}]", message)
    return tools


SCHEMA_TYPES: Final = {
    "object": "object",
    "dict": "object",
    "array": "array",
    "list": "array",
    "string": "string",
    "str": "string",
    "number": "number",
    "float": "number",
    "integer": "integer",
    "int": "integer",
    "long": "integer",
    "boolean": "boolean",
    "bool": "boolean",
}
"""The types of a schema by the names they are given."""

UNKNOWN_TYPE: Final = "unknown"
"""The type of a parameter whose schema names one that is not in the table."""

_NESTED = 20


def tool_parameters(tool: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters of a tool, from the properties of its input schema.

    Each has `name`, `type`, `description`, `required`, `properties` (the parameters inside an
    object, else None), `additionalProperties`, `items` (the parameter that an array consists of,
    else None) and `enum`. A list of types stays one, without "null", which makes the parameter
    optional; a list of one is that type. Below `_NESTED` levels schemas are left out.
    """
    return _properties(tool.get("inputSchema"), "", _NESTED)


def _properties(schema: Any, prefix: str, depth: int) -> list[dict[str, Any]]:
    if not isinstance(schema, dict):
        return []
    properties = schema.get("properties")
    if not isinstance(properties, dict) or depth == 0:
        return []
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return [
        _parameter(f"{prefix}{key}", entry, is_required=key in names, depth=depth)
        for key, entry in properties.items()
    ]


def _parameter(name: str, schema: Any, *, is_required: bool, depth: int) -> dict[str, Any]:
    if not isinstance(schema, dict):
        schema = {}
    kind, is_nullable = schema_type(schema)
    description = schema.get("description")
    additional = schema.get("additionalProperties")
    items = schema.get("items")
    return {
        "name": name,
        "type": kind,
        "description": NO_DESCRIPTION if description is None else shown(description),
        "required": is_required and not is_nullable,
        "properties": _properties(schema, f"{name}.", depth - 1) if kind == "object" else None,
        "additionalProperties": None if additional is None else additional is not False,
        "items": (
            _parameter(f"{name} item", items, is_required=False, depth=depth - 1)
            if kind == "array" and isinstance(items, dict) and depth > 1
            else None
        ),
        "enum": schema.get("enum"),
    }


def schema_type(schema: dict[str, Any]) -> tuple[str | list[str], bool]:
    """The type that a schema names (a text without one), and whether null is allowed."""
    named = schema.get("type", "string")
    if not isinstance(named, list):
        return _known_type(named), False
    kinds = list(dict.fromkeys(_known_type(kind) for kind in named if kind != "null"))
    if not kinds:
        return UNKNOWN_TYPE, True
    return (kinds[0] if len(kinds) == 1 else kinds), "null" in named


def _known_type(named: Any) -> str:
    return SCHEMA_TYPES.get(named, UNKNOWN_TYPE) if isinstance(named, str) else UNKNOWN_TYPE
