"""From ranges to places in the trace, whatever the keys look like."""

from __future__ import annotations

from policyc.cli.excerpts import Excerpt, Piece, excerpts

CALL = {"id": "1", "type": "function", "function": {"name": "send", "arguments": {}}}


def event(arguments: object) -> dict[str, object]:
    function = {"name": "send", "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [CALL | {"function": function}]}


def test_marks_of_one_text_are_gathered() -> None:
    events = [{"role": "user", "content": "one two"}]
    assert excerpts(events, ["0", "0.content:0-3", "0.content:4-7"]) == [
        Excerpt(0, "message of the user", [Piece("", "one two", [(0, 3), (4, 7)])])
    ]


def test_a_chunk_is_named_by_its_path() -> None:
    events = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    (found,) = excerpts(events, ["0.content.0.text:0-5"])
    assert found.pieces == [Piece("content.0.text", "hello", [(0, 5)])]


def test_arguments_are_named_by_their_own_path_also_with_dots_in_keys() -> None:
    events = [event({"a.b": {"c": ["x", "secret"]}, "a": {"z": 1}})]
    (found,) = excerpts(events, ["0.tool_calls.0.function.arguments.a.b.c.1:0-6"])
    assert (found.index, found.title) == (0, "call of `send`")
    assert found.pieces == [Piece("a.b.c.1", "secret", [(0, 6)])]


def test_arguments_in_json_text_are_read() -> None:
    events = [event('{"to": "a\\nb"}')]
    (found,) = excerpts(events, ["0.tool_calls.0.function.arguments.to:2-3"])
    assert found.pieces == [Piece("to", "a\nb", [(2, 3)])]


def test_arguments_that_are_no_json_are_shown_as_they_are() -> None:
    events = [event("rm -rf")]
    (found,) = excerpts(events, ["0.tool_calls.0.function.arguments.__unparsed__:0-2"])
    assert found.pieces == [Piece("", "rm -rf", [(0, 2)])]


def test_an_output_is_named_by_the_call_it_answers() -> None:
    events = [event({}), {"role": "tool", "tool_call_id": "1", "content": "first\nsecond"}]
    (found,) = excerpts(events, ["1"])
    assert found == Excerpt(1, "output of `send`", [Piece("", "first")])


def test_an_output_of_no_call_and_events_that_are_calls() -> None:
    events = [{"role": "tool", "content": "x"}, CALL]
    titles = [found.title for found in excerpts(events, ["0", "1"])]
    assert titles == ["output of a tool", "call of `send`"]


def test_each_tool_of_a_list_of_tools_has_an_index_of_its_own() -> None:
    tools = [{"name": "send", "description": "Sends."}, {"name": "read"}]
    events = [{"tools": tools}, {"role": "user", "content": "hi"}]
    found = excerpts(events, ["0", "1", "2", "2.content:0-2"])
    assert [one.title for one in found] == ["tool `send`", "tool `read`", "message of the user"]
    assert [one.pieces for one in found] == [
        [Piece("", "Sends.")],
        [Piece("", "")],
        [Piece("", "hi", [(0, 2)])],
    ]


def test_what_a_range_does_not_lead_to_is_left_out() -> None:
    events = [{"role": "user", "content": "hi"}]
    (found,) = excerpts(events, ["0.content.5.text:0-1", "0.nothing"])
    assert found.pieces == [Piece("", "hi")]
