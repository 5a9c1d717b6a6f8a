"""Which policies keep to a time by themselves, and that they do."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from tests.traces import calls, user

from policyc import Policy

RULE = 'raise "x" if:\n    (c: ToolCall)\n    '
PATHS = """from path import inside

WORKSPACE := input.get("workspace", "")

ON := WORKSPACE

raise "x" if:
    ON
    (c: ToolCall)
    not inside(WORKSPACE, c.function.arguments.path)
"""


@pytest.mark.parametrize(
    "policy",
    [
        'raise "x" if:\n    (m: Message)\n    "a" in m.content\n',
        f"from invariant.detectors import shell\n{RULE}any(shell(c).risks)\n",
        f"from invariant.detectors import pii\n{RULE}any(pii(c.function.arguments))\n",
        PATHS,
        PATHS.replace("    ON\n", '    ON == "here"\n'),
    ],
)
def test_what_only_calculates_is_bounded(policy: str) -> None:
    bounded = Policy.from_string(policy).bounded(2.0)
    assert bounded is not None
    assert pickle.loads(pickle.dumps(bounded)).bounded(1.0) is not None


@pytest.mark.parametrize(
    ("policy", "parameters"),
    [
        (f"from invariant import llm\n{RULE}llm(c.function.name) == 'no'\n", {}),
        (f"{RULE}mine(c.function.name)\n", {}),
        (f"{RULE}any([mine(x) for x in [c.function.name]])\n", {}),
        (f"asks(c: ToolCall) := mine(c.function.name)\n{RULE}asks(c)\n", {}),
        (PATHS, {"workspace": "/work"}),
        (PATHS.replace("ON := WORKSPACE", 'ON := [WORKSPACE != ""]'), {}),
        # What these depend on may be another thing later.
        (PATHS.replace("ON := WORKSPACE", "ON := len(input.data) > 5"), {}),
        (PATHS.replace("    ON\n", "    len(input.data) > 5\n"), {}),
        (PATHS.replace("    ON\n", ""), {}),
    ],
)
def test_what_may_take_any_time_is_not(
    policy: str, parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_LLM_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("POLICYC_LLM_MODEL", "none")
    compiled = Policy.from_string(policy, functions={"mine": bool})
    assert compiled.bounded(2.0, **parameters) is None


def test_neither_is_another_backend_nor_the_plain_engine() -> None:
    rule = f"{RULE}c is tool:f\n"
    assert Policy.from_string(rule, backend="http://127.0.0.1:1").bounded(1.0) is None
    assert Policy.from_string(rule, optimize=False).bounded(1.0) is None


NESTED = """
    numbers := c.function.arguments.n
    any([any([x + y == 0 for y in numbers]) for x in numbers])
"""
DERIVED = """
    (x: int) in c.function.arguments.n
    (y: int) in c.function.arguments.n
    x + y == 0
"""


@pytest.mark.parametrize("lines", [NESTED, DERIVED])
def test_an_event_that_takes_too_long_is_an_error(lines: str) -> None:
    trace = [user("a"), calls("f", n=list(range(1, 20_000)))]
    bounded = Policy.from_string(RULE.rstrip() + lines).bounded(0.1)
    assert bounded is not None
    monitor = bounded.monitor()
    for event in trace:
        result = monitor.append(event)
    (error,) = result.errors
    assert "0.1 seconds" in error.message


def test_a_limit_that_is_there_already_stays_if_it_is_the_lower_one() -> None:
    trace = [calls("f", n=list(range(1, 20_000)))]
    policy = Policy.from_string(RULE.rstrip() + DERIVED, limits={"seconds": 0.05})
    bounded = policy.bounded(9.0)
    assert bounded is not None
    (error,) = bounded.analyze(trace).errors
    assert "0.05 seconds" in error.message
