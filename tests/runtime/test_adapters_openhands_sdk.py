"""Events of the OpenHands SDK, as `model_dump(mode="json")` writes them."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policyc
from policyc.runtime.adapters import openhands_sdk
from policyc.runtime.trace_check import check_trace
from policyc.runtime.traces import TraceError, read_trace

Event = dict[str, Any]


def event(kind: str, **entries: Any) -> Event:
    marks = {"id": f"id of {kind}", "timestamp": "2026-01-01T00:00:00", "source": "agent"}
    return {**marks, "parent_id": None, **entries, "kind": kind}


def text(words: str) -> Event:
    return {"cache_prompt": False, "type": "text", "text": words}


def image(*addresses: str) -> Event:
    return {"cache_prompt": False, "type": "image", "image_urls": list(addresses)}


def action(arguments: Any, ran: Any = None, **entries: Any) -> Event:
    told: Event = {"thought": [], "action": ran, "tool_name": "terminal", "tool_call_id": "c1"}
    call = {"id": "c1", "name": "terminal", "arguments": arguments, "origin": "completion"}
    return event("ActionEvent", **told, tool_call=call, **entries)


def observation(**entries: Any) -> Event:
    told = {"content": [text("a.txt")], "is_error": False, **entries, "kind": "TerminalObservation"}
    return event("ObservationEvent", tool_name="terminal", tool_call_id="c1", observation=told)


def output(content: Any, **metadata: Any) -> Event:
    return {"metadata": metadata, "role": "tool", "content": content, "tool_call_id": "c1"}


def arguments_of(one: Event) -> Any:
    return read_trace([one])[-1]["function"]["arguments"]


def test_a_conversation() -> None:
    tool = {"description": "Runs.", "title": "terminal", "kind": "TerminalTool"}
    issue = {"name": "create_issue", "inputSchema": {"type": "object"}}
    mcp = {"description": "Makes one.", "mcp_tool": issue, "kind": "MCPToolDefinition"}
    message = {"role": "user", "content": [text("Look."), image("data:image/png;base64,AAAA")]}
    ran = {"command": "ls", "kind": "TerminalAction"}
    events = [
        event(
            "SystemPromptEvent",
            system_prompt=text("Be brief."),
            dynamic_context=text("Linux."),
            tools=[tool, mcp],
        ),
        event("MessageEvent", llm_message=message, extended_content=[text("More.")]),
        event("ConversationStateUpdateEvent", key="x", value=1),
        action(json.dumps({"command": "ls", "security_risk": "LOW"}), ran)
        | {"thought": [text("I list.")]},
        observation(exit_code=0),
        event("Condensation", summary="x"),
    ]

    assert read_trace(events) == [
        {
            "tools": [
                {"name": "terminal", "description": "Runs.", "inputSchema": None},
                {
                    "name": "create_issue",
                    "description": "Makes one.",
                    "inputSchema": {"type": "object"},
                },
            ]
        },
        {"metadata": {}, "role": "system", "content": "Be brief.\nLinux."},
        {
            "metadata": {"images": ["data:image/png;base64 (4 characters)"]},
            "role": "user",
            "content": "Look.\nMore.",
        },
        {"metadata": {"thought": True}, "role": "assistant", "content": "I list."},
        {
            "metadata": {},
            "id": "c1",
            "type": "function",
            "function": {
                "name": "terminal",
                "arguments": {"command": "ls", "security_risk": "LOW"},
            },
        },
        output("a.txt", exit_code=0),
    ]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (observation(is_error=True), output("a.txt", is_error=True)),
        (observation(content=[], output="in a field"), output("in a field")),
        (
            observation(content=[text("a"), image("https://x.example/a.png"), text("b")]),
            output("a\nb", images=["https://x.example/a.png"]),
        ),
        (
            event("AgentErrorEvent", error="no such tool", tool_call_id="c1"),
            output("no such tool", is_error=True),
        ),
        (
            event("UserRejectObservation", rejection_reason="no", tool_call_id="c1"),
            output("no", rejected="user"),
        ),
        (
            event(
                "UserRejectObservation",
                rejection_reason="no",
                rejection_source="hook",
                tool_call_id="c1",
            ),
            output("no", rejected="hook"),
        ),
    ],
)
def test_outputs(one: Event, expected: Event) -> None:
    assert read_trace([one]) == [expected]


def test_what_runs_is_judged_and_not_what_was_written() -> None:
    ran = {"command": "rm x", "timeout": None, "kind": "TerminalAction"}

    assert arguments_of(action('{"command": "ls", "summary": "s"}', ran)) == {
        "command": "rm x",
        "summary": "s",
        "timeout": None,
    }
    # Not JSON, but the SDK repairs it.
    assert arguments_of(action('{"command": "rm\nx"}', ran)) == {"command": "rm x", "timeout": None}
    assert arguments_of(action("[]", ran)) == {"command": "rm x", "timeout": None}


def test_the_arguments_of_mcp_are_inside() -> None:
    ran = {"data": {"title": "x", "kind": "bug"}, "kind": "MCPToolAction"}

    for written in ('{"title": "x", "kind": "bug"}', "no JSON"):
        assert arguments_of(action(written, ran)) == {"title": "x", "kind": "bug"}


def test_a_call_that_the_sdk_could_not_read_is_still_judged() -> None:
    policy = policyc.Policy.from_string(
        'raise "odd" if:\n    (call: ToolCall)\n    "__unparsed__" in call.function.arguments\n'
    )

    assert policy.analyze(read_trace([action('{"command": ')]))


def test_calls_of_another_agent_are_told_once() -> None:
    entries = {"tool_call_id": "a1", "title": "Read a.txt", "tool_kind": "read"}
    events = [
        event("ACPToolCallEvent", **entries, status="pending", raw_input={"path": "a.txt"}),
        event(
            "ACPToolCallEvent",
            **entries,
            status="failed",
            raw_input={"path": "a.txt"},
            raw_output="none",
            is_error=True,
        ),
    ]

    call, answer = read_trace(events)

    assert call["function"] == {"name": "read", "arguments": {"path": "a.txt"}}
    assert answer == {
        "metadata": {"is_error": True},
        "role": "tool",
        "content": "none",
        "tool_call_id": "a1",
    }


@pytest.mark.parametrize(
    ("one", "path"),
    [
        (event("MessageEvent", llm_message=None), "$[0].llm_message"),
        (event("ActionEvent", tool_name=None), "$[0].tool_name"),
    ],
)
def test_bad_events_are_named_where_they_are(one: Event, path: str) -> None:
    with pytest.raises(TraceError) as caught:
        openhands_sdk.convert([one])

    assert caught.value.path == path


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["text", "data", "kind", "content", "name"]), inner),
    ),
    max_leaves=4,
)
KINDS = [
    event("SystemPromptEvent", system_prompt=text("x"), tools=[]),
    event("MessageEvent", llm_message={"role": "user", "content": []}),
    action("{}", {"kind": "MCPToolAction", "data": {}}),
    observation(),
    event("AgentErrorEvent", error="x", tool_call_id="c1"),
    event("UserRejectObservation", rejection_reason="x", tool_call_id="c1"),
    event("ACPToolCallEvent", tool_call_id="c1", title="x", raw_output="y"),
]


@given(st.data())
def test_whatever_is_in_an_event_it_is_a_trace_or_an_error_of_it(data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(KINDS))
    key = data.draw(st.sampled_from(sorted(one.keys() - {"kind"})))
    hurt = {**one, key: data.draw(JSON)}
    if key == "action" and isinstance(hurt[key], dict):
        hurt[key]["kind"] = "MCPToolAction"

    with contextlib.suppress(TraceError):
        check_trace(openhands_sdk.convert([hurt]))


def test_a_log_of_mcp_that_looks_a_little_like_it() -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read"}}
    log = [event("log", message=message)]

    assert not openhands_sdk.is_openhands_sdk(log)
    assert read_trace(log)[0]["tool_calls"][0]["function"]["name"] == "read"
