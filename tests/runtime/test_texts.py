"""The texts and images in a value, with their places."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.runtime.events import (
    Chunks,
    Function,
    Image,
    Message,
    TextChunk,
    Tool,
    ToolCall,
    ToolOutput,
)
from policyc.runtime.records import File
from policyc.runtime.texts import collect_images, collect_texts

PNG = "data:image/png;base64,AA"
CHUNKED: list[Any] = [
    {"type": "text", "text": "one"},
    {"type": "image_url", "image_url": {"url": "http://a/b.png"}},
    {"type": "audio", "data": "opaque"},
    {"type": "text", "text": "two"},
]
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": ["x", 1]}}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        (3, []),
        ("a", [("a", None)]),
        (["a", ["b", None], ("c",)], [("a", None), ("b", None), ("c", None)]),
        ({"k": "a", "l": {"m": ["b"]}}, [("a", None), ("b", None)]),
        (Message({"role": "user", "content": "a"}, (3,), 3), [("a", (3, "content"))]),
        (Message({"role": "user", "content": None}, (3,), 3), []),
        (Message({"role": "assistant", "tool_calls": [CALL]}, (3,), 3), []),
        (
            Message({"role": "user", "content": CHUNKED}, (3,), 3),
            [("one", (3, "content", 0, "text")), ("two", (3, "content", 3, "text"))],
        ),
        (
            [Chunks(CHUNKED, (3, "content"), 3), "x"],
            [
                ("one", (3, "content", 0, "text")),
                ("two", (3, "content", 3, "text")),
                ("x", None),
            ],
        ),
        (
            ToolOutput({"role": "tool", "content": {"k": ["a", {"l": "b"}], "n": 1}}, (2,), 2),
            [("a", (2, "content", "k", 0)), ("b", (2, "content", "k", 1, "l"))],
        ),
        (
            ToolOutput({"role": "tool", "content": ["a", {"k": "b"}]}, (2,), 2),
            [("a", (2, "content", 0)), ("b", (2, "content", 1, "k"))],
        ),
        (
            ToolCall(CALL, (1, "tool_calls", 0), 1),
            [("x", (1, "tool_calls", 0, "function", "arguments", "a", 0))],
        ),
        (
            Function(CALL["function"], (1, "tool_calls", 0, "function"), 1),
            [("x", (1, "tool_calls", 0, "function", "arguments", "a", 0))],
        ),
        (
            TextChunk(CHUNKED[0], (3, "content", 0), 3),
            [("one", (3, "content", 0, "text"))],
        ),
        (Image(CHUNKED[1], (3, "content", 1), 3), []),
        (
            Tool({"name": "t", "description": "d"}, (0, "tools", 0), 0),
            [("t", (0, "tools", 0, "name")), ("d", (0, "tools", 0, "description"))],
        ),
        (File("a.txt", "hello"), [("hello", None)]),
    ],
)
def test_texts(value: Any, expected: list[Any]) -> None:
    assert collect_texts(value) == expected


def test_depth_does_not_matter() -> None:
    value: Any = "a"
    for _ in range(5000):
        value = [{"k": value}]
    assert collect_texts(value) == [("a", None)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("x", []),
        ("http://a/b.png", []),
        (PNG, [(PNG, None)]),
        ([PNG, [PNG]], [(PNG, None), (PNG, None)]),
        (
            Message({"role": "user", "content": CHUNKED}, (3,), 3),
            [("http://a/b.png", (3, "content", 1, "image_url", "url"))],
        ),
        (
            Chunks(CHUNKED, (3, "content"), 3),
            [("http://a/b.png", (3, "content", 1, "image_url", "url"))],
        ),
        (
            Image(CHUNKED[1], (3, "content", 1), 3),
            [("http://a/b.png", (3, "content", 1, "image_url", "url"))],
        ),
        (ToolOutput({"role": "tool", "content": PNG}, (2,), 2), [(PNG, (2, "content"))]),
        ({"k": PNG}, []),
    ],
)
def test_images(value: Any, expected: list[Any]) -> None:
    assert collect_images(value) == expected
