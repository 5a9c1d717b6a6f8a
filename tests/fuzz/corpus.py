"""What fuzzing starts from: the policies of tests and documentation, and traces in every format."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```inv\n(.*?)^```", re.MULTILINE | re.DOTALL)


@cache
def policies() -> tuple[str, ...]:
    """Texts of policies, good and bad, each of at most a few hundred lines."""
    found: list[str] = []
    for path in sorted((ROOT / "grammar" / "catalog").glob("*.md")):
        found.extend(_BLOCK.findall(path.read_text("utf-8")))
    found.extend(_BLOCK.findall((ROOT / "docs" / "language" / "spec.md").read_text("utf-8")))
    for path in sorted((ROOT / "tests" / "language").glob("*.inv")):
        found.extend(path.read_text("utf-8").split("\n---\n"))
    found.extend(path.read_text("utf-8") for path in sorted((ROOT / "policies").glob("*.inv")))
    return tuple(found)


@cache
def case_files() -> tuple[str, ...]:
    """Texts of case files, good and bad."""
    found = [path.read_text("utf-8") for path in sorted((ROOT / "policies").glob("*.cases.yaml"))]
    corpus = (ROOT / "tests" / "runtime" / "testing" / "corpus.txt").read_text("utf-8")
    found.extend(part.partition("\n")[2] for part in corpus.split("\n--- ")[1:])
    return tuple(found)


CALL = {"id": "c0", "type": "function", "function": {"name": "send", "arguments": {"to": "bob"}}}
TRACE: list[Any] = [
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "metadata": {"server": "x"}},
    {"role": "tool", "tool_call_id": "c0", "content": '{"a": [1]}'},
    {
        "role": "user",
        "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}],
    },
    {"type": "function", "function": {"name": "read", "arguments": '{"n": 1}'}},
    {
        "tools": [
            {"name": "t", "inputSchema": {"type": "object", "properties": {"a": {"type": "x"}}}}
        ]
    },
]
ANTHROPIC: list[Any] = [
    {"role": "user", "content": "hello"},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "a"},
            {"type": "tool_use", "id": "t1", "name": "send", "input": {"to": "bob"}},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]},
]
RESPONSES: list[Any] = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
    {"type": "function_call", "call_id": "c1", "name": "send", "arguments": '{"to": "bob"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "ok"},
]
MCP: list[Any] = [
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "send", "arguments": {}},
    },
    {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "ok"}]}},
]
TRACES: tuple[Any, ...] = (
    TRACE,
    ANTHROPIC,
    RESPONSES,
    MCP,
    {"messages": TRACE},
    {"input": RESPONSES},
)
