"""Policies and events for the tests of the server."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]

RM = """\
raise "rm [risk=high]" if:
    (call: ToolCall)
    call is tool:run
    "rm -rf" in call.function.arguments.command
"""
SAYS_A = 'raise "a [risk=low]" if:\n    (m: Message)\n    "a" in m.content\n'
BROKEN = "raise if if:\n    nonsense here\n"
FAILS = 'raise "fails" if:\n    (m: Message)\n    json_loads(m.content) == 1\n'
NEEDS = 'raise "too long" if:\n    (m: Message)\n    len(m.content) > input.most\n'
LEAKS = """\
raise "leak" if:
    (o: ToolOutput)
    (call: ToolCall)
    o -> call
    "secret" in o.content
    call is tool:send
"""
NAMED = {"rm": RM, "leaks": LEAKS, "needs": NEEDS}
"""The policies that the server has by name."""

ENDLESS = """\
raise "x" if:
    (a: Message)
    (b: Message)
    (c: Message)
    (d: Message)
    (e: Message)
    len(a.content + b.content + c.content + d.content + e.content) == 3
"""
"""Takes for ever on `CROWD`."""


def says(content: Any, role: str = "user") -> Event:
    return {"role": role, "content": content}


def calls(name: str, number: str = "1", **arguments: Any) -> Event:
    function = {"name": name, "arguments": arguments}
    return {"id": number, "type": "function", "function": function}


def message_that_calls(*made: Event) -> Event:
    return {"role": "assistant", "content": None, "tool_calls": list(made)}


def answers(content: str, number: str = "1") -> Event:
    return {"role": "tool", "content": content, "tool_call_id": number}


CROWD = [says("aa") for _ in range(400)]
