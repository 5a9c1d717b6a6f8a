"""Items of OpenAI's Responses API: requests with `input`, responses with `output`, and lists of
items.

Function calls and reasoning belong to the assistant's message that they follow, as in chat
messages; a call without a message gets one. Hosted tools (`web_search_call` and the like) are calls
of a tool of that name, and what they report is its output.
"""

from __future__ import annotations

from typing import Any

from policyc.runtime.trace_access import TraceError, name_of_type

Events = list[dict[str, Any]]
Item = dict[str, Any]

_RESULT_KEYS = ("output", "outputs", "results", "result", "error")
_OWN_KEYS = frozenset({"type", "id", "call_id", "status", "name", "server_label", *_RESULT_KEYS})
_OWN_TYPES = frozenset({"reasoning", "mcp_list_tools", "item_reference", "compaction"})
_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})


def is_responses(data: Any) -> bool:
    """Whether the data are items, or an object that carries them."""
    if isinstance(data, list):
        return any(_is_item(item) for item in data)
    if not isinstance(data, dict) or "messages" in data:
        return False
    if data.get("object") == "response" or isinstance(data.get("output"), list):
        return True
    return isinstance(data.get("input"), str | list) and "role" not in data


def _is_item(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return False
    kind = item["type"]
    if kind == "message":
        return "role" in item
    return kind in _OWN_TYPES or kind.endswith(("_call", "_call_output"))


def convert(data: Any) -> Events:
    """The list of events.

    Raises:
        TraceError: an item is not what it should be.
    """
    builder = _Builder()
    if isinstance(data, list):
        builder.add_all(data, "$")
        return builder.finish()
    tools = data.get("tools")
    if isinstance(tools, list) and tools:
        builder.tools([_tool(tool, f"$.tools[{n}]") for n, tool in enumerate(tools)])
    if isinstance(data.get("instructions"), str):
        builder.message("system", data["instructions"])
    for key in ("input", "output"):
        if isinstance(data.get(key), str):
            builder.message("user" if key == "input" else "assistant", data[key])
        elif isinstance(data.get(key), list):
            builder.add_all(data[key], f"$.{key}")
    return builder.finish()


def _tool(tool: Any, path: str) -> Item:
    if not isinstance(tool, dict):
        raise TraceError(path, f"a tool must be an object, this is {name_of_type(tool)}")
    return {
        "name": tool.get("name") or tool.get("server_label") or tool.get("type"),
        "description": tool.get("description"),
        "inputSchema": tool.get("parameters") or tool.get("input_schema"),
    }


class _Builder:
    """Collects events; the assistant's message stays open for the reasoning and calls that belong
    to it."""

    def __init__(self) -> None:
        self._events: Events = []
        self._chunks: list[Item] = []
        self._calls: list[Item] = []
        self._has_text = False

    def add_all(self, items: list[Any], path: str) -> None:
        for number, item in enumerate(items):
            place = f"{path}[{number}]"
            if not isinstance(item, dict):
                raise TraceError(place, f"an item must be an object, this is {name_of_type(item)}")
            self._add(item, place)

    def finish(self) -> Events:
        self._close()
        return self._events

    def message(self, role: Any, content: Any) -> None:
        if role == "assistant":
            if self._has_text or self._calls:
                self._close()
            self._chunks += _chunks(content)
            self._has_text = True
        else:
            self._close()
            self._events.append({"role": role, "content": _content(_chunks(content))})

    def tools(self, tools: list[Item]) -> None:
        self._close()
        self._events.append({"tools": tools})

    def _add(self, item: Item, path: str) -> None:
        kind = item.get("type", "message")
        if kind == "message":
            self._check_content(item, path)
            self.message(item.get("role"), item.get("content"))
        elif kind == "reasoning":
            if self._has_text or self._calls:
                self._close()
            self._chunks.append(item)
        elif kind == "mcp_list_tools":
            self._list_tools(item, path)
        elif isinstance(kind, str) and kind.endswith("_output"):
            self._output(item.get("call_id") or item.get("id"), item.get("output"))
        elif isinstance(kind, str) and kind.endswith("_call"):
            self._call(item, kind, path)
        elif kind in ("item_reference", "compaction") or not isinstance(kind, str):
            raise TraceError(path, "this item only refers to others, which are not in the trace")
        else:
            self._chunks.append(item)

    def _check_content(self, item: Item, path: str) -> None:
        content = item.get("content")
        for number, part in enumerate(content if isinstance(content, list) else []):
            if not isinstance(part, dict):
                place = f"{path}.content[{number}]"
                raise TraceError(place, f"a part must be an object, this is {name_of_type(part)}")

    def _list_tools(self, item: Item, path: str) -> None:
        tools = item.get("tools")
        if not isinstance(tools, list):
            raise TraceError(f"{path}.tools", "`tools` must be a list")
        server = {"metadata": {"server": item.get("server_label")}}
        self.tools([_tool(t, f"{path}.tools[{n}]") | server for n, t in enumerate(tools)])

    def _call(self, item: Item, kind: str, path: str) -> None:
        is_named = kind in ("function_call", "custom_tool_call", "mcp_call")
        name = item.get("name") if is_named else kind.removesuffix("_call")
        if not isinstance(name, str):
            raise TraceError(f"{path}.name", "a call needs the name of its tool")
        identifier = item.get("call_id") or item.get("id")
        call: Item = {
            "id": identifier,
            "type": "function",
            "function": {"name": name, "arguments": _arguments(item, kind)},
        }
        if "server_label" in item:
            call["metadata"] = {"server": item["server_label"]}
        self._calls.append(call)
        found = [item[key] for key in _RESULT_KEYS if item.get(key) is not None]
        if found and kind != "function_call":
            self._output(identifier, found[0])

    def _output(self, identifier: Any, output: Any) -> None:
        self._close()
        if isinstance(output, list) and all(isinstance(part, dict) for part in output):
            output = _content([_chunk(part) for part in output])
        self._events.append({"role": "tool", "tool_call_id": identifier, "content": output})

    def _close(self) -> None:
        if self._chunks or self._calls or self._has_text:
            event: Item = {"role": "assistant", "content": _content(self._chunks)}
            if self._calls:
                event["tool_calls"] = self._calls
            self._events.append(event)
        self._chunks, self._calls, self._has_text = [], [], False


def _arguments(item: Item, kind: str) -> Any:
    if kind in ("function_call", "mcp_call"):
        return item.get("arguments")
    if kind == "custom_tool_call":
        return {"input": item.get("input")}
    return {key: value for key, value in item.items() if key not in _OWN_KEYS}


def _chunks(content: Any) -> list[Item]:
    if content is None:
        return []
    if isinstance(content, list):
        return [_chunk(part) for part in content]
    # Whatever else it is: the check of the trace names it.
    return [{"type": "text", "text": content}]


def _chunk(part: Item) -> Item:
    kind = part.get("type")
    if isinstance(kind, str) and kind in _TEXTS:
        return {"type": "text", "text": part.get("text")}
    if kind == "refusal":
        return {"type": "text", "text": part.get("refusal")}
    if kind in ("input_image", "computer_screenshot") and isinstance(part.get("image_url"), str):
        return {"type": "image_url", "image_url": {"url": part["image_url"]}}
    return part


def _content(chunks: list[Item]) -> Any:
    if not chunks:
        return None
    only = chunks[0] if len(chunks) == 1 else {}
    return only["text"] if only.get("type") == "text" and "text" in only else chunks
