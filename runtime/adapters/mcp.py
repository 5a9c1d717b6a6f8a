"""Logs of the Model Context Protocol: JSON-RPC messages between a client and its servers.

`tools/call` requests become tool calls, their results tool outputs, lists of tools `tools` events.
Other requests and all notifications say nothing about what an agent does and are left out. A log
may wrap each message (`{"direction": ..., "message": {...}}`), may hold batches, and may mix
servers, whose ids then overlap: a result belongs to the latest open request with its id that went
the other way and concerns the same server.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policyc.runtime.trace_access import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

Events = list[dict[str, Any]]
Rpc = dict[str, Any]

_ENVELOPES = ("message", "payload", "data", "body", "msg")
_DIRECTIONS = ("direction", "dir", "from", "sender", "source")
_SERVERS = ("server", "server_name", "serverName", "server_label")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A message of the log with what is known of its way."""

    rpc: Rpc
    path: str
    direction: str | None
    server: str | None


@dataclass(slots=True)
class _Request:
    method: str
    entry: _Entry
    call_id: str = ""


def is_mcp(data: Any) -> bool:
    """Whether the data are JSON-RPC messages, wrapped or not."""
    items = data if isinstance(data, list) else [data]
    return bool(items) and any(_rpcs(item, "$") for item in items)


def convert(data: Any) -> Events:
    """The list of events.

    Raises:
        TraceError: a call names no tool, or a list of tools is none.
    """
    items = enumerate(data) if isinstance(data, list) else [(-1, data)]
    log = _Log()
    for number, item in items:
        for entry in _rpcs(item, "$" if number < 0 else f"$[{number}]"):
            log.add(entry)
    return log.events


def _rpcs(item: Any, path: str) -> list[_Entry]:
    """The messages in an item of the log; none if it is something else, such as a line about the
    session."""
    return list(_unwrapped(item, path, None, None, depth=3))


def _unwrapped(
    item: Any, path: str, direction: str | None, server: str | None, *, depth: int
) -> Iterator[_Entry]:
    if isinstance(item, str) and '"jsonrpc"' in item:
        try:
            item = json.loads(item)
        except (ValueError, RecursionError):
            return
    if isinstance(item, list):
        for number, each in enumerate(item if depth else ()):
            place = f"{path}[{number}]"
            yield from _unwrapped(each, place, direction, server, depth=depth - 1)
    if not isinstance(item, dict):
        return
    if "jsonrpc" in item and ("method" in item or "id" in item):
        yield _Entry(item, path, direction, server)
        return
    for key in _ENVELOPES if depth and "role" not in item else ():
        if isinstance(item.get(key), dict | list | str):
            yield from _unwrapped(
                item[key],
                f"{path}.{key}",
                _text(item, _DIRECTIONS) or direction,
                _text(item, _SERVERS) or server,
                depth=depth - 1,
            )


def _text(item: Rpc, keys: tuple[str, ...]) -> str | None:
    return next((item[key] for key in keys if isinstance(item.get(key), str)), None)


class _Log:
    """Turns messages into events, in order."""

    def __init__(self) -> None:
        self.events: Events = []
        self._open: dict[tuple[str, Any], list[_Request]] = {}
        self._server_name: str | None = None
        self._used: set[str] = set()

    def add(self, entry: _Entry) -> None:
        rpc = entry.rpc
        if isinstance(rpc.get("method"), str):
            if rpc.get("id") is not None:
                self._request(entry, rpc["method"])
            return
        request = self._answered(entry)
        if request is None:
            # An answer to nothing. If it looks like the output of a tool, a policy has to see it.
            if isinstance(rpc.get("result"), dict) and "content" in rpc["result"]:
                self._output(entry, None)
        elif request.method == "tools/call":
            self._output(entry, request.call_id)
        elif request.method == "tools/list":
            self._tools(entry)
        elif request.method == "initialize":
            self._initialized(entry)

    def _request(self, entry: _Entry, method: str) -> None:
        request = _Request(method, entry)
        self._open.setdefault(_key(entry.rpc["id"]), []).append(request)
        if method != "tools/call":
            return
        params = entry.rpc.get("params")
        name = params.get("name") if isinstance(params, dict) else None
        if not isinstance(params, dict) or not isinstance(name, str):
            raise TraceError(f"{entry.path}.params.name", "a call needs the name of its tool")
        request.call_id = self._new_id(str(entry.rpc["id"]))
        function = {"name": name, "arguments": params.get("arguments")}
        call = {"id": request.call_id, "type": "function", "function": function}
        event = {"role": "assistant", "content": None, "tool_calls": [call]}
        self.events.append(self._with_server(event, entry))

    def _new_id(self, wanted: str) -> str:
        """An id that no call had before: servers and sessions in one log use the same ones."""
        identifier, number = wanted, 1
        while identifier in self._used:
            number += 1
            identifier = f"{wanted}#{number}"
        self._used.add(identifier)
        return identifier

    def _answered(self, entry: _Entry) -> _Request | None:
        requests = self._open.get(_key(entry.rpc.get("id")), [])
        for request in reversed(requests):
            asked = request.entry
            is_same_way = asked.direction is not None and asked.direction == entry.direction
            is_other_server = None not in (asked.server, entry.server) and (
                asked.server != entry.server
            )
            if not is_same_way and not is_other_server:
                requests.remove(request)
                return request
        return None

    def _initialized(self, entry: _Entry) -> None:
        result = entry.rpc.get("result")
        info = result.get("serverInfo") if isinstance(result, dict) else None
        if isinstance(info, dict) and isinstance(info.get("name"), str):
            self._server_name = info["name"]

    def _with_server(self, event: dict[str, Any], entry: _Entry) -> dict[str, Any]:
        server = entry.server or self._server_name
        if server is not None:
            event["metadata"] = {**event.get("metadata", {}), "server": server}
        return event

    def _tools(self, entry: _Entry) -> None:
        result = entry.rpc.get("result")
        tools = result.get("tools") if isinstance(result, dict) else None
        if tools is None:
            return
        if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
            raise TraceError(f"{entry.path}.result.tools", "`tools` must be a list of objects")
        named = [
            self._with_server(
                {
                    "name": tool.get("name"),
                    "description": tool.get("description"),
                    "inputSchema": tool.get("inputSchema"),
                },
                entry,
            )
            for tool in tools
        ]
        self.events.append({"tools": named})

    def _output(self, entry: _Entry, call_id: str | None) -> None:
        result = entry.rpc.get("result")
        error = entry.rpc.get("error")
        if call_id is None:
            call_id = self._new_id(str(entry.rpc.get("id")))
        event: dict[str, Any] = {"role": "tool", "tool_call_id": call_id}
        event["content"] = error if error is not None else _content(result)
        if error is not None or (isinstance(result, dict) and result.get("isError")):
            event["metadata"] = {"is_error": True}
        self.events.append(self._with_server(event, entry))


def _key(identifier: Any) -> tuple[str, Any]:
    """1, "1" and true are three ids; what is no id at all is one more."""
    is_id = isinstance(identifier, str | int | float)
    return (type(identifier).__name__, identifier if is_id else None)


def _content(result: Any) -> Any:
    if not isinstance(result, dict):
        return result
    content = result.get("content")
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return content if content is not None else result.get("structuredContent")
    if not content:
        return result.get("structuredContent", "")
    chunks = [_chunk(part) for part in content]
    only = chunks[0] if len(chunks) == 1 else {}
    return only["text"] if only.get("type") == "text" and "text" in only else chunks


def _chunk(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    resource = part.get("resource")
    if kind == "image" and isinstance(part.get("data"), str):
        address = f"data:{part.get('mimeType')};base64,{part['data']}"
        return {"type": "image_url", "image_url": {"url": address}}
    if kind == "resource" and isinstance(resource, dict) and isinstance(resource.get("text"), str):
        # The model reads the text of an embedded resource like any other.
        return {"type": "text", "text": resource["text"], "resource": resource.get("uri")}
    return part
