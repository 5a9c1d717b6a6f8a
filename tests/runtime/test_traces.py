"""What the parts of raw events are, and what is no trace: where it is wrong, and what is wanted."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyc.runtime.nesting import MAX_DEPTH
from policyc.runtime.trace_access import NO_DESCRIPTION, UNKNOWN_TYPE
from policyc.runtime.traces import (
    UNPARSED,
    TraceError,
    arguments_of,
    check_trace,
    event_kind,
    function_of,
    read_trace,
    tool_calls_of,
    tool_parameters,
    tools_of,
)

CALL = {"id": "1", "type": "function", "function": {"name": "send", "arguments": {"to": "bob"}}}
TRACE = [
    {"tools": [{"name": "send", "description": None, "inputSchema": {"type": "object"}}]},
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "audio", "audio": {}}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "metadata": {"server": "mail"}},
    {"role": "tool", "tool_call_id": "1", "content": {"sent": True}},
    {"role": "tool", "content": 7},
    CALL,
    {"role": "developer"},
]


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


def test_a_trace_passes_and_is_not_changed() -> None:
    before = copy.deepcopy(TRACE)
    check_trace(TRACE)
    assert read_trace(TRACE) is TRACE
    assert before == TRACE


def test_the_kinds_of_events() -> None:
    kinds = [event_kind(event, index) for index, event in enumerate(TRACE)]
    assert kinds == [
        "tools",
        "message",
        "message",
        "message",
        "output",
        "output",
        "call",
        "message",
    ]


@pytest.mark.parametrize(
    ("event", "path", "message"),
    [
        (5, "", "an event must be an object, this is a number"),
        ({}, "", "an event needs a `role`, or `tools`, or must be a tool call"),
        ({"role": 5}, ".role", "a role must be a text, this is a number"),
        ({"role": "user", "content": 5}, ".content", "the content of a message must be a text"),
        ({"role": "user", "content": {"a": 1}}, ".content", "this is an object"),
        ({"role": "user", "content": ["x"]}, ".content[0]", "a chunk must be an object"),
        ({"role": "user", "content": [{"type": "text", "text": 1}]}, ".content[0].text", "needs a"),
        ({"role": "user", "content": [{"type": "image_url"}]}, ".content[0].image_url", "address"),
        ({"role": "user", "metadata": []}, ".metadata", "`metadata` must be an object"),
        ({"role": "assistant", "tool_calls": {}}, ".tool_calls", "`tool_calls` must be a list"),
        ({"role": "assistant", "tool_calls": [1]}, ".tool_calls[0]", "must be an object"),
        ({"role": "assistant", "tool_calls": [{}]}, ".tool_calls[0].type", "usually `function`"),
        ({"role": "tool", "tool_call_id": 5}, ".tool_call_id", "must be a text or null"),
        ({"type": "function"}, ".function", "a tool call needs a `function` such as"),
        ({"type": "function", "function": {}}, ".function.name", "the name of its tool"),
        ({"function": {"name": "x"}}, ".type", "a tool call needs a `type`"),
        (CALL | {"id": 1}, ".id", "`id` must be a text or null, this is a number"),
        ({"tools": None}, ".tools", "`tools` must be a list, this is null"),
        ({"tools": [True]}, ".tools[0]", "a tool must be an object, this is true"),
        ({"tools": [{}]}, ".tools[0].name", "a tool needs a name"),
        ({"tools": [{"name": "x", "inputSchema": []}]}, ".tools[0].inputSchema", "an object"),
    ],
)
def test_what_is_no_event_is_named(event: Any, path: str, message: str) -> None:
    with pytest.raises(TraceError) as caught:
        check_trace([{"role": "user"}, event])
    assert caught.value.path == f"$[1]{path}"
    assert message in caught.value.message
    assert str(caught.value) == f"{caught.value.path}: {caught.value.message}"
    assert pickle.loads(pickle.dumps(caught.value)).path == caught.value.path


@pytest.mark.parametrize("trace", [None, {}, "text", 5, ({"role": "user"},)])
def test_what_is_no_list_is_no_trace(trace: Any) -> None:
    with pytest.raises(TraceError, match="a trace must be a list of events"):
        check_trace(trace)


@pytest.mark.parametrize(
    "event",
    [
        {"role": "tool", "content": nested(MAX_DEPTH + 1)},
        {"role": "user", "content": [{"type": "x", "x": nested(MAX_DEPTH)}]},
        {"role": "user", "metadata": {"x": nested(MAX_DEPTH)}},
        {"type": "function", "function": {"name": "x", "arguments": {"x": nested(MAX_DEPTH)}}},
        {"tools": [{"name": "x", "inputSchema": {"x": nested(MAX_DEPTH)}}]},
    ],
)
def test_deep_data_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(TraceError, match="nested more than 200 levels deep"):
        check_trace([event])


def test_data_that_contains_itself_is_refused() -> None:
    content: list[Any] = []
    content.append(content)
    with pytest.raises(TraceError, match="nested"):
        check_trace([{"role": "tool", "content": content}])


class TestCalls:
    def test_missing_calls_are_none(self) -> None:
        assert tool_calls_of({}, "$[0]") == []
        assert tool_calls_of({"tool_calls": None}, "$[0]") == []

    def test_a_missing_function_is_empty(self) -> None:
        assert function_of({}) == {}
        assert function_of({"function": "x"}) == {}
        assert function_of(CALL) is CALL["function"]

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ({"a": 1}, {"a": 1}),
            ('{"a": 1}', {"a": 1}),
            ('{"a": 1, "a": 2}', {"a": 2}),
            ("", {}),
            ("  \n", {}),
            (None, {}),
            ("[1]", {UNPARSED: "[1]"}),
            ("{", {UNPARSED: "{"}),
            ("null", {UNPARSED: "null"}),
            ([1], {UNPARSED: [1]}),
            (5, {UNPARSED: 5}),
            ('{"a": ' + "9" * 5000 + "}", {UNPARSED: '{"a": ' + "9" * 5000 + "}"}),
        ],
    )
    def test_arguments_are_a_dict(self, arguments: Any, expected: dict[str, Any]) -> None:
        assert arguments_of({"name": "x", "arguments": arguments}) == expected
        assert arguments_of({"name": "x"}) == {}

    def test_arguments_may_hold_numbers_that_json_has_no_word_for(self) -> None:
        assert arguments_of({"arguments": '{"a": Infinity}'}) == {"a": float("inf")}

    @pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5000, 200_000])
    def test_deep_arguments_are_kept_as_text(self, depth: int) -> None:
        text = '{"a": ' + "[" * depth + "]" * depth + "}"
        assert arguments_of({"arguments": text}) == {UNPARSED: text}

    def test_many_brackets_in_a_text_are_not_depth(self) -> None:
        assert arguments_of({"arguments": json.dumps({"a": "[{" * 500})}) == {"a": "[{" * 500}


class TestTools:
    SCHEMA: ClassVar = {
        "type": "object",
        "required": ["to", "note"],
        "properties": {
            "to": {"type": "str", "description": "who", "enum": ["a", "b"]},
            "note": {"type": ["string", "null"]},
            "size": {"type": ["integer", "string"]},
            "any": {},
            "list": {"type": "array", "items": {"type": "object", "properties": {"q": {}}}},
            "more": {"type": "dict", "additionalProperties": False, "properties": {"i": {}}},
        },
    }

    def parameters(self) -> dict[str, dict[str, Any]]:
        found = tool_parameters({"name": "x", "inputSchema": self.SCHEMA})
        return {parameter["name"]: parameter for parameter in found}

    def test_a_parameter_has_all_its_entries(self) -> None:
        assert self.parameters()["to"] == {
            "name": "to",
            "type": "string",
            "description": "who",
            "required": True,
            "properties": None,
            "additionalProperties": None,
            "items": None,
            "enum": ["a", "b"],
        }

    def test_null_makes_a_parameter_optional(self) -> None:
        note = self.parameters()["note"]
        assert (note["type"], note["required"]) == ("string", False)

    def test_several_types_stay_a_list(self) -> None:
        assert self.parameters()["size"]["type"] == ["integer", "string"]

    def test_without_a_type_it_is_a_text(self) -> None:
        assert self.parameters()["any"]["type"] == "string"
        assert self.parameters()["any"]["description"] == NO_DESCRIPTION

    def test_what_is_inside_lists_and_objects_is_there(self) -> None:
        items = self.parameters()["list"]["items"]
        assert (items["name"], items["type"]) == ("list item", "object")
        assert [p["name"] for p in items["properties"]] == ["list item.q"]
        more = self.parameters()["more"]
        assert more["additionalProperties"] is False
        assert [p["name"] for p in more["properties"]] == ["more.i"]

    @pytest.mark.parametrize("named", ["null", "tuple", 5, ["null"], {"x": 1}, None])
    def test_an_unknown_type_is_refused_and_else_called_unknown(self, named: Any) -> None:
        tool = {"name": "x", "inputSchema": {"properties": {"a": {"type": named}}}}
        with pytest.raises(TraceError, match="known are object, array, string") as caught:
            check_trace([{"tools": [tool]}])
        assert caught.value.path == "$[0].tools[0].inputSchema.properties.a.type"
        assert tool_parameters(tool)[0]["type"] == UNKNOWN_TYPE

    @pytest.mark.parametrize("schema", [None, 5, {}, {"properties": []}, {"properties": {"a": 1}}])
    def test_odd_schemas_have_parameters_as_far_as_they_go(self, schema: Any) -> None:
        expected = ["a"] if schema == {"properties": {"a": 1}} else []
        assert [p["name"] for p in tool_parameters({"inputSchema": schema})] == expected

    def test_a_schema_that_contains_itself_ends(self) -> None:
        schema: dict[str, Any] = {"type": "object", "properties": {}}
        schema["properties"]["again"] = schema
        assert tool_parameters({"inputSchema": schema})[0]["name"] == "again"

    def test_tools_are_the_entries_themselves(self) -> None:
        assert tools_of(TRACE[0]) is TRACE[0]["tools"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "tool_calls",
                    "type",
                    "function",
                    "name",
                    "arguments",
                    "tools",
                    "inputSchema",
                    "properties",
                    "items",
                    "text",
                    "metadata",
                    "messages",
                    "id",
                    "jsonrpc",
                    "method",
                    "params",
                    "result",
                    "message",
                    "input",
                    "output",
                    "tool_call_id",
                    "image_url",
                ]
            ),
            inner | st.sampled_from(["tool", "user", "text", "function", "object", "tool_use"]),
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(json_values, max_size=4) | json_values)
def test_any_json_is_a_trace_or_refused(value: Any) -> None:
    try:
        events = read_trace(json.dumps(value))
    except TraceError:
        return
    check_trace(events)
    for index, event in enumerate(events):
        kind = event_kind(event, index)
        if kind == "tools":
            for tool in tools_of(event):
                tool_parameters(tool)
        calls = tool_calls_of(event, "$") if kind == "message" else [event]
        for call in calls:
            assert isinstance(arguments_of(function_of(call)), dict)


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_accessors_only_raise_trace_errors(value: Any) -> None:
    for read in (
        lambda: event_kind(value, 0),
        lambda: tool_calls_of(value, "$") if isinstance(value, dict) else None,
        lambda: arguments_of(function_of(value)) if isinstance(value, dict) else None,
        lambda: tools_of(value) if isinstance(value, dict) else None,
        lambda: tool_parameters(value) if isinstance(value, dict) else None,
        lambda: check_trace(value),
    ):
        try:
            read()
        except TraceError:
            continue
