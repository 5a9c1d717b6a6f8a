"""Traces of other APIs, as these write them, become events that policies are about."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime import adapters
from policyc.runtime.adapters import (
    anthropic,
    mcp,
    openai,
    openhands,
    openhands_sdk,
    responses,
)
from policyc.runtime.traces import TraceError, read_trace

WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


def call(identifier: Any, name: str, arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image(address: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": address}}


CHAT_REQUEST = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "You answer questions about the weather."},
        {"role": "user", "content": "Oslo?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call("call_1", "weather", '{"city": "Oslo"}')],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "weather", "description": "Now", "parameters": WEATHER_SCHEMA},
        }
    ],
}

ANTHROPIC_REQUEST = {
    "model": "claude-sonnet",
    "max_tokens": 1024,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "tools": [{"name": "weather", "description": "Now", "input_schema": WEATHER_SCHEMA}],
    "messages": [
        {
            "role": "user",
            "content": [
                text("What is on this picture, and how is the weather there?"),
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "That is Oslo.", "signature": "c2ln"},
                text("I look it up."),
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
                {"type": "tool_use", "id": "toolu_2", "name": "clock", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("rain")]},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "content": "no clock",
                    "is_error": True,
                },
                text("Go on."),
            ],
        },
        {"role": "assistant", "content": "It rains."},
    ],
}

ANTHROPIC_EVENTS = [
    {"tools": [{"name": "weather", "description": "Now", "inputSchema": WEATHER_SCHEMA}]},
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            text("What is on this picture, and how is the weather there?"),
            image("data:image/png;base64,iVBORw0"),
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "That is Oslo.", "signature": "c2ln"},
            text("I look it up."),
        ],
        "tool_calls": [call("toolu_1", "weather", {"city": "Oslo"}), call("toolu_2", "clock", {})],
    },
    {"role": "tool", "tool_call_id": "toolu_1", "content": "rain"},
    {
        "role": "tool",
        "tool_call_id": "toolu_2",
        "content": "no clock",
        "metadata": {"is_error": True},
    },
    {"role": "user", "content": "Go on."},
    {"role": "assistant", "content": "It rains."},
]

RESPONSES_ITEMS = [
    {"role": "user", "content": [{"type": "input_text", "text": "Oslo?"}]},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Look."}]},
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city": "Oslo"}',
        "status": "completed",
    },
    {"type": "function_call", "call_id": "call_2", "name": "clock", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
    {
        "type": "function_call_output",
        "call_id": "call_2",
        "output": [{"type": "input_text", "text": "noon"}],
    },
    {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "Oslo"},
    },
    {
        "type": "mcp_call",
        "id": "mcp_1",
        "name": "lookup",
        "server_label": "atlas",
        "arguments": '{"q": "Oslo"}',
        "output": "a city",
        "error": None,
    },
    {"type": "custom_tool_call", "call_id": "call_3", "name": "shell", "input": "ls"},
    {"type": "custom_tool_call_output", "call_id": "call_3", "output": "a.txt"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "It rains.", "annotations": []}],
    },
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "refusal", "refusal": "Not more."}],
    },
]

RESPONSES_EVENTS = [
    {"role": "user", "content": "Oslo?"},
    {
        "role": "assistant",
        "content": [RESPONSES_ITEMS[1]],
        "tool_calls": [
            call("call_1", "weather", '{"city": "Oslo"}'),
            call("call_2", "clock", "{}"),
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            call("ws_1", "web_search", {"action": {"type": "search", "query": "Oslo"}}),
            call("mcp_1", "lookup", '{"q": "Oslo"}') | {"metadata": {"server": "atlas"}},
        ],
    },
    {"role": "tool", "tool_call_id": "mcp_1", "content": "a city"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("call_3", "shell", {"input": "ls"})],
    },
    {"role": "tool", "tool_call_id": "call_3", "content": "a.txt"},
    {"role": "assistant", "content": "It rains."},
    {"role": "assistant", "content": "Not more."},
]


def rpc(identifier: Any = None, **entries: Any) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", **entries}
    return message if identifier is None else message | {"id": identifier}


MCP_LOG = [
    rpc(0, method="initialize", params={"clientInfo": {"name": "agent"}}),
    rpc(0, result={"protocolVersion": "2025-06-18", "serverInfo": {"name": "files"}}),
    rpc(method="notifications/initialized"),
    rpc(1, method="tools/list"),
    rpc(1, result={"tools": [{"name": "read", "inputSchema": WEATHER_SCHEMA, "title": "Read"}]}),
    rpc(2, method="tools/call", params={"name": "read", "arguments": {"path": "a.txt"}}),
    rpc(3, method="tools/call", params={"name": "list"}),
    rpc(method="notifications/progress", params={"progress": 1}),
    rpc(3, result={"content": [text("a.txt"), text("b.txt")]}),
    rpc(2, result={"content": [text("hello")], "isError": False}),
    rpc(4, method="tools/call", params={"name": "drop", "arguments": {}}),
    rpc(4, error={"code": -32602, "message": "no such tool"}),
    rpc(5, method="ping"),
    rpc(5, result={}),
]


def on_files(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    return event | {"metadata": {**more, "server": "files"}}


def asked(one: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [one]}


MCP_EVENTS = [
    {
        "tools": [
            on_files({"name": "read", "description": None, "inputSchema": WEATHER_SCHEMA}),
        ]
    },
    on_files(asked(call("2", "read", {"path": "a.txt"}))),
    on_files(asked(call("3", "list", None))),
    on_files({"role": "tool", "tool_call_id": "3", "content": [text("a.txt"), text("b.txt")]}),
    on_files({"role": "tool", "tool_call_id": "2", "content": "hello"}),
    on_files(asked(call("4", "drop", {}))),
    on_files(
        {
            "role": "tool",
            "tool_call_id": "4",
            "content": {"code": -32602, "message": "no such tool"},
        },
        is_error=True,
    ),
]

OPENHANDS_EVENTS = [
    {"id": 0, "source": "user", "action": "message", "args": {"content": "Go on."}},
    {"id": 1, "source": "agent", "action": "run", "args": {"command": "ls", "thought": ""}},
    {"id": 2, "cause": 1, "observation": "run", "content": "a.txt", "extras": {"hidden": False}},
]

SDK_EVENTS: list[dict[str, Any]] = [
    {
        "id": "e1",
        "timestamp": "2026-01-01T00:00:00",
        "source": "user",
        "llm_message": {"role": "user", "content": [{"type": "text", "text": "Go on."}]},
        "kind": "MessageEvent",
    },
    {
        "id": "e2",
        "timestamp": "2026-01-01T00:00:01",
        "source": "user",
        "kind": "PauseEvent",
    },
]

FORMATS: dict[str, Any] = {
    "openhands": OPENHANDS_EVENTS,
    "openhands-sdk": SDK_EVENTS,
    "openai": CHAT_REQUEST,
    "anthropic": ANTHROPIC_REQUEST,
    "responses": RESPONSES_ITEMS,
    "mcp": MCP_LOG,
}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just('{"jsonrpc": "2.0"}'),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["id", "type", "jsonrpc", "method", "action", "args", "kind", "role"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {}}}
CHAT = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"])},
    optional={
        "content": st.none() | st.text(max_size=5) | st.just('{"jsonrpc": "2.0", "id": 1}'),
        "name": JSON,
        "tool_calls": st.just(
            [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {}}}]
        )
        | st.none(),
        "tool_call_id": JSON,
    },
)
"""Messages of texts and calls, with anything where it decides nothing."""


class TestDetection:
    @pytest.mark.parametrize("name", FORMATS)
    def test_each_format_is_found_and_no_other(self, name: str) -> None:
        own = FORMATS[name]
        special = {
            "anthropic": anthropic.is_anthropic,
            "responses": responses.is_responses,
            "mcp": mcp.is_mcp,
            "openhands": openhands.is_openhands,
            "openhands-sdk": openhands_sdk.is_openhands_sdk,
        }
        assert [key for key, fits in special.items() if fits(own)] == [name] * (name in special)
        assert read_trace(own) == read_trace(own, name)

    @given(st.lists(CHAT, max_size=4))
    def test_plain_chat_fits_no_special_format(self, data: Any) -> None:
        assert adapters._is_plain_chat(data)
        special = ("anthropic", "responses", "mcp", "openhands", "openhands-sdk")
        assert [name for name in special if adapters._fits(name, data)] == []
        assert adapters.convert(data) == openai.convert(data)

    def test_plain_chat_loads_one_adapter(self) -> None:
        script = """if True:
            import sys
            from policyc.runtime.adapters import convert
            assert len(convert([{"role": "user", "content": "hello"}])) == 1
            print(*sorted(x for x in sys.modules if x.startswith("policyc.runtime.adapters.")))
        """
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["policyc.runtime.adapters.openai"]

    @pytest.mark.parametrize("name", ["anthropic", "responses", "mcp", "openhands"])
    def test_a_trace_of_another_format_is_refused(self, name: str) -> None:
        with pytest.raises(TraceError, match=f"this is not in the format `{name}`, which is "):
            read_trace(CHAT_REQUEST, name)

    def test_items_are_no_chat_messages(self) -> None:
        with pytest.raises(TraceError, match="not in the format `openai`"):
            read_trace(MCP_LOG, "openai")

    def test_an_unknown_format_is_refused(self) -> None:
        with pytest.raises(TraceError, match="unknown format `yaml`; known are auto, anthropic"):
            read_trace(CHAT_REQUEST, "yaml")

    @pytest.mark.parametrize("data", [None, 5, "x", [], {}, [[]], [None], [{}], {"messages": 5}])
    def test_nothing_in_particular_is_of_no_special_format(self, data: Any) -> None:
        assert not anthropic.is_anthropic(data)
        assert not responses.is_responses(data)
        assert not mcp.is_mcp(data)
        assert not openhands.is_openhands(data)
        assert not openhands_sdk.is_openhands_sdk(data)


class TestOpenai:
    def test_the_tools_of_a_request_come_first(self) -> None:
        events = read_trace(CHAT_REQUEST)
        assert events[0] == {
            "tools": [{"name": "weather", "description": "Now", "inputSchema": WEATHER_SCHEMA}]
        }
        assert events[1:] == CHAT_REQUEST["messages"]

    def test_a_completion_is_its_messages(self) -> None:
        message = {"role": "assistant", "content": "rain"}
        data = {"object": "chat.completion", "choices": [{"index": 0, "message": message}]}
        assert read_trace(data) == [message]
        assert read_trace(data | {"messages": [{"role": "user"}]}) == [{"role": "user"}, message]

    def test_functions_become_tools(self) -> None:
        old = [
            {"role": "assistant", "function_call": {"name": "weather", "arguments": "{}"}},
            {"role": "function", "name": "weather", "content": "rain"},
        ]
        assert openai.convert(old) == [
            {"role": "assistant", "tool_calls": [call(None, "weather", "{}")]},
            {"role": "tool", "name": "weather", "content": "rain"},
        ]

    def test_a_bad_function_call_is_named(self) -> None:
        with pytest.raises(TraceError, match=r"\$\[0\].function_call: .* this is a text"):
            read_trace([{"role": "assistant", "function_call": "x"}])


class TestAnthropic:
    def test_a_request(self) -> None:
        assert read_trace(ANTHROPIC_REQUEST) == ANTHROPIC_EVENTS

    def test_messages_alone(self) -> None:
        assert read_trace(ANTHROPIC_REQUEST["messages"]) == ANTHROPIC_EVENTS[2:]

    def test_a_response(self) -> None:
        response = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"q": "x"}},
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "s1",
                    "content": [{"type": "web_search_result", "url": "https://a", "title": "A"}],
                },
                text("Found."),
            ],
        }
        assert read_trace(response) == [
            asked(call("s1", "web_search", {"q": "x"})),
            {"role": "tool", "tool_call_id": "s1", "content": response["content"][1]["content"]},  # type: ignore[index]  # as above
            {"role": "assistant", "content": "Found."},
        ]

    def test_calls_of_servers_say_which(self) -> None:
        block = {"type": "mcp_tool_use", "id": "m", "name": "x", "server_name": "s", "input": {}}
        [event] = read_trace([{"role": "assistant", "content": [block]}])
        assert event["tool_calls"] == [call("m", "x", {}) | {"metadata": {"server": "s"}}]

    def test_texts_of_documents_are_texts(self) -> None:
        content = [
            {"type": "document", "source": {"type": "text", "data": "inside"}},
            {"type": "search_result", "source": "a", "title": "t", "content": [text("found")]},
            {"type": "document", "source": {"type": "base64", "data": "JVBERi0"}},
        ]
        [event] = read_trace([{"role": "user", "content": content}])
        assert event["content"] == [text("inside"), text("found"), content[2]]

    @pytest.mark.parametrize(
        ("message", "path"),
        [
            ({"role": "user", "content": [{"type": "tool_result"}, 5]}, "$[0].content[1]"),
            ({"role": "user", "content": [{"type": "tool_use"}]}, "$[0].content[0].name"),
            (
                {"role": "user", "content": [{"type": "tool_result", "content": [5]}]},
                "$[0].content[0].content[0]",
            ),
        ],
    )
    def test_bad_blocks_are_named_where_they_are(self, message: Any, path: str) -> None:
        with pytest.raises(TraceError) as caught:
            read_trace([message])
        assert caught.value.path == path


class TestResponses:
    def test_items(self) -> None:
        assert read_trace(RESPONSES_ITEMS) == RESPONSES_EVENTS

    def test_a_request_and_its_response(self) -> None:
        request = {
            "model": "gpt-5",
            "instructions": "Be brief.",
            "input": "Oslo?",
            "tools": [{"type": "function", "name": "weather", "parameters": WEATHER_SCHEMA}],
        }
        response = {"object": "response", "output": RESPONSES_ITEMS[1:3]}
        start = [
            {"tools": [{"name": "weather", "description": None, "inputSchema": WEATHER_SCHEMA}]},
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Oslo?"},
        ]
        assert read_trace(request) == start
        events = read_trace(request | response)
        assert events[:3] == start
        assert [c["id"] for c in events[3]["tool_calls"]] == ["call_1"]

    def test_a_call_belongs_to_the_message_before_it(self) -> None:
        items = [
            {"type": "message", "role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "1", "name": "weather", "arguments": "{}"},
        ]
        assert read_trace(items) == [
            {"role": "assistant", "content": "I look.", "tool_calls": [call("1", "weather", "{}")]}
        ]

    def test_hosted_tools_report_what_they_found(self) -> None:
        items = [
            {"type": "file_search_call", "id": "f", "queries": ["q"], "results": [{"text": "x"}]},
            {"type": "computer_call", "call_id": "c", "action": {"type": "click"}},
            {
                "type": "computer_call_output",
                "call_id": "c",
                "output": [{"type": "computer_screenshot", "image_url": "data:,"}],
            },
        ]
        assert read_trace(items) == [
            asked(call("f", "file_search", {"queries": ["q"]})),
            {"role": "tool", "tool_call_id": "f", "content": [{"text": "x"}]},
            asked(call("c", "computer", {"action": {"type": "click"}})),
            {"role": "tool", "tool_call_id": "c", "content": [image("data:,")]},
        ]

    def test_lists_of_tools_name_their_server(self) -> None:
        tool = {"name": "lookup", "input_schema": WEATHER_SCHEMA}
        item = {"type": "mcp_list_tools", "server_label": "atlas", "tools": [tool]}
        [event] = read_trace([item])
        assert event["tools"][0]["metadata"] == {"server": "atlas"}
        assert event["tools"][0]["inputSchema"] == WEATHER_SCHEMA

    @pytest.mark.parametrize(
        ("item", "path"),
        [
            (5, "$[1]"),
            ({"type": "function_call", "arguments": "{}"}, "$[1].name"),
            ({"type": "item_reference", "id": "x"}, "$[1]"),
            ({"type": "mcp_list_tools", "tools": 5}, "$[1].tools"),
            ({"type": "message", "role": "user", "content": [5]}, "$[1].content[0]"),
        ],
    )
    def test_bad_items_are_named_where_they_are(self, item: Any, path: str) -> None:
        with pytest.raises(TraceError) as caught:
            read_trace([RESPONSES_ITEMS[2], item], "responses")
        assert caught.value.path == path


class TestMcp:
    def test_a_log(self) -> None:
        assert read_trace(MCP_LOG) == MCP_EVENTS

    def test_json_lines(self) -> None:
        assert read_trace("\n".join(map(json.dumps, MCP_LOG))) == MCP_EVENTS

    @pytest.mark.parametrize("key", ["message", "payload", "data"])
    @pytest.mark.parametrize("is_text", [False, True])
    def test_messages_may_be_wrapped(self, key: str, is_text: bool) -> None:
        log = [{"time": "12:00", "level": "info", key: "session started"}]
        log += [{"time": "12:01", key: json.dumps(m) if is_text else m} for m in MCP_LOG]
        assert read_trace(log) == MCP_EVENTS

    def test_batches(self) -> None:
        assert read_trace([MCP_LOG[:6], MCP_LOG[6:]], "mcp") == MCP_EVENTS

    def test_both_sides_may_use_the_same_ids(self) -> None:
        log = [
            ("out", rpc(1, method="tools/call", params={"name": "a", "arguments": {}})),
            ("in", rpc(1, method="sampling/createMessage", params={})),
            ("out", rpc(1, result={"role": "assistant", "content": text("sampled")})),
            ("in", rpc(1, result={"content": [text("answer")]})),
        ]
        events = read_trace([{"direction": way, "message": m} for way, m in log])
        assert [event.get("content") for event in events] == [None, "answer"]

    def test_servers_may_use_the_same_ids(self) -> None:
        log = [
            ("one", rpc(1, method="tools/call", params={"name": "a", "arguments": {}})),
            ("two", rpc(1, method="tools/call", params={"name": "b", "arguments": {}})),
            ("one", rpc(1, result={"content": [text("from one")]})),
            ("two", rpc(1, result={"content": [text("from two")]})),
        ]
        events = read_trace([{"server": server, "message": m} for server, m in log])
        names = {e["tool_calls"][0]["id"]: e["metadata"]["server"] for e in events[:2]}
        assert [(names[e["tool_call_id"]], e["content"]) for e in events[2:]] == [
            ("one", "from one"),
            ("two", "from two"),
        ]

    def test_ids_of_different_types_are_different(self) -> None:
        log = [
            rpc(1, method="tools/call", params={"name": "a"}),
            rpc("1", method="tools/call", params={"name": "b"}),
            rpc("1", result={"content": [text("of b")]}),
        ]
        calls_and_output = read_trace(log)
        second, output = calls_and_output[1:]
        assert output["tool_call_id"] == second["tool_calls"][0]["id"]

    def test_an_answer_to_nothing_is_still_an_output(self) -> None:
        [event] = read_trace([rpc(9, result={"content": [text("surprise")]})])
        assert (event["role"], event["content"]) == ("tool", "surprise")

    @pytest.mark.parametrize(
        ("result", "content"),
        [
            ({"content": [], "structuredContent": {"a": 1}}, {"a": 1}),
            ({"structuredContent": [1]}, [1]),
            ({"content": []}, ""),
            (
                {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]},
                [image("data:image/png;base64,AAAA")],
            ),
            (
                {"content": [{"type": "resource", "resource": {"uri": "file:a", "text": "hi"}}]},
                "hi",
            ),
            ({"content": [{"type": "audio", "data": "AAAA"}]}, [{"type": "audio", "data": "AAAA"}]),
            ({"content": [5]}, [5]),
            ("odd", "odd"),
        ],
    )
    def test_results(self, result: Any, content: Any) -> None:
        events = read_trace(
            [rpc(1, method="tools/call", params={"name": "a"}), rpc(1, result=result)]
        )
        assert events[1]["content"] == content

    @pytest.mark.parametrize(
        ("message", "path"),
        [
            (rpc(1, method="tools/call", params={}), "$[0].params.name"),
            (rpc(1, method="tools/call", params=[1]), "$[0].params.name"),
        ],
    )
    def test_a_call_without_a_tool_is_refused(self, message: Any, path: str) -> None:
        with pytest.raises(TraceError) as caught:
            read_trace([message])
        assert caught.value.path == path

    def test_tools_that_are_no_list_are_refused(self) -> None:
        with pytest.raises(TraceError, match=r"\$\[1\].result.tools"):
            read_trace([rpc(1, method="tools/list"), rpc(1, result={"tools": 5})])
