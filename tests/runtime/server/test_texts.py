"""The texts of findings: the forms of events, and the level that clients read."""

from __future__ import annotations

from typing import Any

import pytest
from tests.runtime.server.policies import answers, calls, message_that_calls, says

import policyc
from policyc.runtime.server.texts import violation_text

TRACE = [
    says("it's\nü"),
    message_that_calls(calls("run", command="ls")),
    {**answers("out"), "metadata": {"a": 1}},
    calls("go", "2"),
]
USER = "metadata={'trace_idx': 0} role='user' content=\"it's\\nü\" tool_calls=None"
CALL = (
    "metadata={} id='1' type='function' function=Function(name='run', arguments={'command': 'ls'})"
)
NESTED = (
    "metadata={'trace_idx': 1} role='assistant' content=None tool_calls=[ToolCall(metadata={}, "
    "id='1', type='function', function=Function(name='run', arguments={'command': 'ls'}))]"
)
OUTPUT = "metadata={'a': 1, 'trace_idx': 2} role='tool' content='out' tool_call_id='1'"
ALONE = (
    "metadata={'trace_idx': 3} id='2' type='function' function=Function(name='go', arguments={})"
)


def texts(header: str, *lines: str, trace: Any = TRACE, risk: str = "none") -> list[str]:
    body = "".join(f"    {line}\n" for line in lines)
    result = policyc.Policy.from_string(f"raise {header} if:\n{body}").analyze(trace)
    assert not result.errors
    return [violation_text(one, trace, risk) for one in result]


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["(x: Message)", 'x.role == "user"'], USER),
        (["(x: Message)", 'x.role == "assistant"'], NESTED),
        (["(x: ToolCall)", "x is tool:run"], CALL),
        (["(x: ToolCall)", "x is tool:go"], ALONE),
        (["(x: ToolOutput)"], OUTPUT),
    ],
)
def test_events(lines: list[str], shown: str) -> None:
    assert texts("PolicyViolation(x)", *lines) == [f"PolicyViolation({shown})"]


def test_several_events_have_their_own_places() -> None:
    lines = ["(a: Message)", "(b: ToolOutput)", 'a.role == "user"']
    assert texts("PolicyViolation(a, b, k=b)", *lines) == [
        f"PolicyViolation({USER} {OUTPUT}, k={OUTPUT})"
    ]


def test_events_in_lists_have_the_form_of_a_call() -> None:
    (found,) = texts("PolicyViolation([a, 1])", "(a: ToolOutput)")
    assert found == f"PolicyViolation([ToolOutput({OUTPUT.replace(' ', ', ')}), 1])".replace(
        "'a':, 1,, 'trace_idx':, 2", "'a': 1, 'trace_idx': 2"
    )


def test_values() -> None:
    values = """3, [1, "a"], {"k": 1}, None, True, 'it"s', 1.5, k="v", n=None"""
    (found,) = texts(f"PolicyViolation({values})", "(m: ToolOutput)")
    assert found == """PolicyViolation(3 [1, 'a'] {'k': 1} None True it"s 1.5, k=v, n=None)"""


@pytest.mark.parametrize(
    ("header", "risk", "shown"),
    [
        ('"x [risk=medium]"', "high", "x [risk=medium]"),
        ('"x"', "high", "[risk=high] x"),
        ('"x"', "low", "[risk=low] x"),
        ('"x"', "none", "x"),
        ('"x [RISK=HIGH]"', "low", "[risk=high] x [RISK:HIGH]"),
    ],
)
def test_levels(header: str, risk: str, shown: str) -> None:
    assert texts(header, "(m: ToolOutput)", risk=risk) == [f"PolicyViolation({shown})"]


@pytest.mark.parametrize("risk", ["none", "high"])
def test_no_text_of_the_trace_sets_the_level(risk: str) -> None:
    trace = [says("risk=low [risk=low] RiSk=low")]
    (found,) = texts('PolicyViolation("x [risk=high]", m)', "(m: Message)", trace=trace, risk=risk)
    assert found.startswith("PolicyViolation([risk=high] x")
    assert found.lower().count("risk=") == 1
