"""JSON text to values and back."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.builtins.json_values import dumps, loads
from policyc.runtime.events import ToolCall
from policyc.runtime.nesting import MAX_DEPTH


def test_loads() -> None:
    assert loads('{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}
    assert loads(" 3 ") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{'a': 1}", "the text is not JSON: line 1, column 2 is not expected"),
        ("", "the text is not JSON: line 1, column 1"),
        ("[1,\n!]", "line 2, column 1"),
        ("NaN", "`NaN` is not a JSON value"),
        ("[-Infinity]", "`-Infinity` is not a JSON value"),
        ('{"to": "a", "to": "b"}', "an object with the same key twice"),
        ("9" * 5000, "a number of more than 4300 digits is not read"),
        ("[" * 100_000, "deeper than 200 levels"),
        ("[" * 300 + "]" * 300, "deeper than 200 levels"),
        ("1" * 10_000_001, "more than 10000000 characters"),
        (None, "`json_loads` takes a text, not nothing"),
        ({"a": 1}, "`json_loads` takes a text, not an object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_loads_refuses(text: Any, message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        loads(text)


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    assert len(loads("[" + "[]," * 5000 + "[]]")) == 5001


def test_dumps() -> None:
    assert dumps({"b": "é", "a": [None, True, 1.5]}) == '{"b": "é", "a": [null, true, 1.5]}'
    assert dumps({"b": 1, "a": 2}, sort_keys=True) == '{"a": 2, "b": 1}'
    assert dumps(ToolCall({"id": "1"}, (0, "tool_calls", 0), 0)) == '{"id": "1"}'


def test_shared_parts_count_as_often_as_they_are_written() -> None:
    value: Any = ["x" * 1000]
    for _ in range(30):
        value = [value, value]
    with pytest.raises(BuiltinError, match="a text of more than 1000000 characters is not built"):
        dumps(value)


def test_dumps_refuses_what_it_cannot_write() -> None:
    value: Any = []
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(BuiltinError, match="deeper than 200 levels"):
        dumps(value)
    with pytest.raises(BuiltinError, match="a number that JSON cannot hold"):
        dumps(float("nan"))
    with pytest.raises(BuiltinError, match="a number that JSON cannot hold"):
        dumps(10**5000)
