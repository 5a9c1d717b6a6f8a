"""What the acting model says of its own call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.runtime.analyzers.actions import call, run, user

from policyc.analyzers import LLMRiskAnalyzer, RiskLevel

UNKNOWN, LOW, MEDIUM, HIGH = RiskLevel


@pytest.mark.parametrize(
    ("value", "level"),
    [("LOW", LOW), ("medium", MEDIUM), (2, HIGH), (-1, UNKNOWN), ("safe", UNKNOWN), (9, UNKNOWN)],
)
def test_the_level_of_a_call(value: Any, level: RiskLevel) -> None:
    actions = [
        call("run", security_risk=value),
        run("ls", security_risk=value),
        {"role": "assistant", "content": "", "tool_calls": [call("run", security_risk=value)]},
        call("run")
        | {"function": {"name": "run", "arguments": json.dumps({"security_risk": value})}},
    ]

    assert [LLMRiskAnalyzer().security_risk_sync(action) for action in actions] == [level] * 4


@pytest.mark.parametrize("arguments", [None, "no JSON", [], {"risk": "LOW"}])
def test_a_call_that_says_nothing_is_unknown_and_asks(arguments: Any) -> None:
    action = call("run") | {"function": {"name": "run", "arguments": arguments}}

    decision = LLMRiskAnalyzer().decide_sync(action)

    assert (decision.level, decision.verdict) == (UNKNOWN, "ask")


def test_of_several_calls_the_gravest_counts() -> None:
    risk = LLMRiskAnalyzer().security_risk_sync
    assert risk([call("a", security_risk="LOW"), call("b", security_risk="HIGH")]) is HIGH
    assert risk([call("a", security_risk="LOW"), call("b")]) is UNKNOWN


def test_a_message_without_calls_does_nothing() -> None:
    assert LLMRiskAnalyzer().security_risk_sync(user("hello")) is LOW
