"""`shell` as policies use it: what it takes, what is checked when compiling, what is marked."""

from __future__ import annotations

from typing import Any

import pytest

import policyc
from policyc.runtime.detectors.shell.detector import shell

HEAD = "from invariant.detectors import shell, ShellRisk\n\n"


def call(arguments: Any, name: str = "bash") -> list[dict[str, Any]]:
    function = {"name": name, "arguments": arguments}
    calls = [{"id": "1", "type": "function", "function": function}]
    return [{"role": "assistant", "content": None, "tool_calls": calls}]


def ranges(body: str, arguments: Any) -> list[list[str]]:
    policy = policyc.Policy.from_string(f'{HEAD}raise "x" if:\n    (c: ToolCall)\n{body}')
    return [violation.ranges for violation in policy.analyze(call(arguments))]


PLACE = "0.tool_calls.0"
COMMAND = f"{PLACE}.function.arguments.command"


@pytest.mark.parametrize(
    "argument",
    ["c.function.arguments.command", "c.function.arguments", "c.function", "c"],
)
def test_risks_are_marked_where_they_are_written(argument: str) -> None:
    arguments = {"command": "ls; rm -rf /", "description": "Don't rm -rf /"}
    found = ranges(f"    any(shell({argument}).risks)\n", arguments)
    assert found == [[PLACE, f"{COMMAND}:11-12"]]


def test_each_risk_that_is_picked_is_marked_alone() -> None:
    arguments = {"command": "sudo ls; rm -rf /"}
    body = '    any([r for r in shell(c).risks if r.kind == "privilege"])\n'
    assert ranges(body, arguments) == [[PLACE, f"{COMMAND}:0-7"]]
    body = "    (r: ShellRisk) in shell(c).risks\n"
    assert ranges(body, arguments) == [
        [PLACE, f"{COMMAND}:0-7"],
        [PLACE, f"{COMMAND}:16-17"],
    ]


def test_what_is_undecidable_and_hosts_are_marked() -> None:
    arguments = {"command": "curl h.example; $X"}
    assert ranges("    any(shell(c).undecidable)\n", arguments) == [[PLACE, f"{COMMAND}:16-18"]]
    assert ranges('    "h.example" in shell(c).hosts\n', arguments) == [[PLACE, f"{COMMAND}:5-14"]]
    assert ranges("    any(shell(c).commands)\n", arguments) == [[PLACE]]


def test_a_list_of_words_is_one_command() -> None:
    arguments = {"command": ["bash", "-lc", "ls; rm -rf /"]}
    assert ranges("    any(shell(c).risks)\n", arguments) == [[PLACE, f"{COMMAND}.2:11-12"]]
    (command,) = shell(["git", "commit", "-m", "it's; rm -rf /"]).commands
    assert command.argv[-1] == "it's; rm -rf /"


def test_several_texts_have_one_result() -> None:
    code = shell([["curl", "a.example"], "rm -rf /; $X", {"command": "curl b.example"}])
    assert code.hosts == ["a.example", "b.example"]
    assert [risk.kind for risk in code.risks] == ["destructive-delete"]
    assert len(code.undecidable) == 1


@pytest.mark.parametrize("value", [None, 1, [], {}, "", [None, 2], {"command": None}])
def test_what_holds_no_command_has_nothing(value: Any) -> None:
    code = shell(value)
    assert not (code.commands or code.risks or code.undecidable)


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("shell(c).risk", "E0404"),
        ("shell(c).risks[0].kinds", "E0404"),
        ("shell(c).commands[0].argv[0].value()", "E0405"),
        ("shell(c).risks.kind", "E0404"),
    ],
)
def test_members_are_checked_when_compiling(expression: str, code: str) -> None:
    with pytest.raises(policyc.PolicyError) as caught:
        policyc.Policy.from_string(f'{HEAD}raise "x" if:\n    (c: ToolCall)\n    {expression}\n')
    assert code in [one.code for one in caught.value.diagnostics]
