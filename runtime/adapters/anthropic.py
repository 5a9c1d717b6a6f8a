"""Anthropic messages: requests with `system`, `tools` and `messages`, lists of messages, and single
responses.

Content blocks become chunks, tool calls and outputs, in the order in which they stand. A text alone
is the content of its message; several blocks are chunks. Blocks that policies know nothing of, such
as thinking and documents, are kept as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.runtime.trace_access import TraceError, name_of_type

if TYPE_CHECKING:
    from collections.abc import Iterator

Events = list[dict[str, Any]]
Block = dict[str, Any]

_OWN_BLOCKS = frozenset({"thinking", "redacted_thinking", "document", "search_result"})


def is_anthropic(data: Any) -> bool:
    """Whether the data have blocks or fields that only Anthropic messages have."""
    if isinstance(data, dict) and data.get("type") == "message":
        return isinstance(data.get("content"), list) and "role" in data
    if isinstance(data, dict):
        messages = data.get("messages")
        if not isinstance(messages, list):
            return False
        has_own_fields = "system" in data or any(_is_own_tool(t) for t in _list(data.get("tools")))
        return has_own_fields or any(_has_own_blocks(message) for message in messages)
    return any(_has_own_blocks(message) for message in _list(data))


def convert(data: Any) -> Events:
    """The list of events.

    Raises:
        TraceError: a message or a block is not what it should be.
    """
    if isinstance(data, list):
        return _messages(data, "$")
    if data.get("type") == "message":
        return list(_message(data, "$"))
    events: Events = []
    tools = _list(data.get("tools"))
    if tools:
        events.append({"tools": [_tool(tool, f"$.tools[{n}]") for n, tool in enumerate(tools)]})
    if data.get("system"):
        events += _message({"role": "system", "content": data["system"]}, "$.system")
    return events + _messages(data["messages"], "$.messages")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_own_tool(tool: Any) -> bool:
    return isinstance(tool, dict) and "input_schema" in tool


def _has_own_blocks(message: Any) -> bool:
    if not isinstance(message, dict) or "role" not in message:
        return False
    return any(_is_own_block(block) for block in _list(message.get("content")))


def _is_own_block(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    kind = block.get("type")
    if not isinstance(kind, str):
        return False
    is_image = kind == "image" and isinstance(block.get("source"), dict)
    return kind in _OWN_BLOCKS or _is_call(kind) or _is_result(kind) or is_image


def _is_call(kind: str) -> bool:
    return kind.endswith("tool_use")


def _is_result(kind: str) -> bool:
    return kind.endswith("tool_result")


def _tool(tool: Any, path: str) -> dict[str, Any]:
    if not isinstance(tool, dict):
        raise TraceError(path, f"a tool must be an object, this is {name_of_type(tool)}")
    return {
        "name": tool.get("name"),
        "description": tool.get("description"),
        "inputSchema": tool.get("input_schema"),
    }


def _messages(messages: list[Any], path: str) -> Events:
    events: Events = []
    for number, message in enumerate(messages):
        place = f"{path}[{number}]"
        if not isinstance(message, dict):
            kind = name_of_type(message)
            raise TraceError(place, f"a message must be an object, this is {kind}")
        events += _message(message, place)
    return events


def _message(message: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
    """The events of one message: itself, cut where results of tools stand in it, and these."""
    content = message.get("content")
    if not isinstance(content, list):
        yield message
        return
    chunks: list[Block] = []
    calls: list[Block] = []
    is_empty = True
    for number, block in enumerate(content):
        place = f"{path}.content[{number}]"
        if not isinstance(block, dict):
            raise TraceError(place, f"a block must be an object, this is {name_of_type(block)}")
        kind = block.get("type")
        if isinstance(kind, str) and _is_result(kind):
            if chunks or calls:
                yield _event(message, chunks, calls)
                chunks, calls = [], []
            yield _output(block, place)
            is_empty = False
        elif isinstance(kind, str) and _is_call(kind):
            calls.append(_call(block, place))
        else:
            chunks += _chunks(block)
    if chunks or calls or is_empty:
        yield _event(message, chunks, calls)


def _event(message: dict[str, Any], chunks: list[Block], calls: list[Block]) -> dict[str, Any]:
    event: dict[str, Any] = {"role": message.get("role"), "content": _content(chunks)}
    if calls:
        event["tool_calls"] = calls
    if "metadata" in message:
        event["metadata"] = message["metadata"]
    return event


def _content(chunks: list[Block]) -> Any:
    if not chunks:
        return None
    only = chunks[0] if len(chunks) == 1 else {}
    return only["text"] if only.get("type") == "text" and "text" in only else chunks


def _chunks(block: Block) -> list[Block]:
    """A block as chunks. Texts of documents and search results are texts that the model reads."""
    kind, source = block.get("type"), block.get("source")
    if kind == "search_result":
        return _texts(block.get("content")) or [block]
    if not isinstance(source, dict):
        return [block]
    if kind == "document":
        text = source.get("data") if source.get("type") == "text" else source.get("content")
        return _texts(text) or [block]
    if kind == "image":
        address = source.get("url")
        if source.get("type") == "base64":
            address = f"data:{source.get('media_type')};base64,{source.get('data')}"
        return [{"type": "image_url", "image_url": {"url": address}}]
    return [block]


def _texts(content: Any) -> list[Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [
        part for part in _list(content) if isinstance(part, dict) and part.get("type") == "text"
    ]


def _call(block: Block, path: str) -> Block:
    name = block.get("name")
    if not isinstance(name, str):
        raise TraceError(f"{path}.name", "a use of a tool needs the name of the tool")
    call: Block = {
        "id": block.get("id"),
        "type": "function",
        "function": {"name": name, "arguments": block.get("input", {})},
    }
    if "server_name" in block:
        call["metadata"] = {"server": block["server_name"]}
    return call


def _output(block: Block, path: str) -> dict[str, Any]:
    content = block.get("content")
    if isinstance(content, list):
        for number, part in enumerate(content):
            if not isinstance(part, dict):
                place = f"{path}.content[{number}]"
                raise TraceError(place, f"a block must be an object, this is {name_of_type(part)}")
        content = _content([chunk for part in content for chunk in _chunks(part)])
    event = {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": content}
    if block.get("is_error"):
        event["metadata"] = {"is_error": True}
    return event
