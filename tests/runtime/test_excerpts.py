"""Values in a few characters: recognisable, safe, and cut before they are written out."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.runtime.events import Chunks, Function, Message, Tool, ToolCall, ToolOutput
from policyc.runtime.excerpts import counted, one_line, place_text, quoted, shown
from policyc.runtime.records import File
from policyc.runtime.values import ABSENT

_CALL = {"id": "1", "function": {"name": "send", "arguments": '{"to": "bob"}'}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (ABSENT, "absent"),
        (True, "True"),
        (1.5, "1.5"),
        ("a", '"a"'),
        ('say "hi"\n\\', r'"say \"hi\"\n\\"'),
        ([1, ["a"]], '[1, ["a"]]'),
        ({"a": {"b": None}}, '{"a": {"b": None}}'),
        ({"a": [[[[1]]]]}, '{"a": [[[…]]]}'),
        (10**1000, "a very long number"),
        (len, "a function"),
        (File("a.py", "x"), "a File"),
        (Message({"role": "user", "content": "hi"}, (0,), 0), 'user: "hi"'),
        (
            Message({"role": "assistant", "content": None, "tool_calls": [_CALL]}, (0,), 0),
            "assistant: None + 1 tool call",
        ),
        (ToolOutput({"role": "tool", "content": {"a": 1}}, (0,), 0), 'tool: {"a": 1}'),
        (ToolCall(_CALL, (0,), 0), 'send({"to": "bob"})'),
        (Function({"name": None}, (0,), 0), "?({})"),
        (Tool({"name": "send"}, (0,), 0), 'tool "send"'),
        (Chunks([{"type": "text", "text": "hi"}], (0,), 0), '[{"type": "text", "text": "hi"}]'),
    ],
)
def test_values_are_shown_as_policies_write_them(value: Any, text: str) -> None:
    assert shown(value) == text


def test_long_values_are_cut() -> None:
    assert quoted("a" * 100, width=10) == '"aaaaaaaaaa…"'
    assert shown(list(range(10**6)), width=20) == "[0, 1, 2, 3, 4, 5, 6…"
    assert len(shown({str(key): "x" * 10**6 for key in range(10)})) < 100


def test_the_piece_in_question_is_shown_of_a_long_text() -> None:
    text = "a" * 100 + "needle" + "b" * 100
    assert quoted(text, focus=100, width=30) == '"…aaaaaaaaaaneedlebbbbbbbbbbbbbb…"'


def test_what_steers_a_terminal_is_written_as_an_escape() -> None:
    assert shown("\x1b[2J") == r'"\x1b[2J"'
    assert shown({"\x1b": 1}) == r'{"\x1b": 1}'
    assert place_text((0, "content", "\u202e")) == r"0.content.\u202e"
    assert one_line("a\n    b\x00") == r"a b\x00"


def test_pieces_of_a_policy_are_one_line() -> None:
    assert one_line("a in [\n  1,\n]") == "a in [ 1, ]"
    assert one_line("a" * 200, width=5) == "aaaaa…"
    assert (counted(1, "element"), counted(2, "element")) == ("1 element", "2 elements")


def test_credentials_are_masked() -> None:
    token = "ghp_" + "aB3" * 12
    assert quoted(f"use {token}") == f'"use ghp_{"*" * 36}"'
    long = "x" * 500 + " password=s3cr3tVx7Qp2mTz9 " + "y" * 500
    assert "s3cr3t" not in quoted(long, focus=520, width=40)
    assert "aB3aB3" not in shown({"a": [token], token: 1})
