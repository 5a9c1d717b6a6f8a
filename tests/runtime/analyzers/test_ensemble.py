"""Several analyzers at once."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from tests.runtime.analyzers.actions import call

import policyc
from policyc.analyzers import (
    AnalyzerError,
    Assessment,
    EnsembleAnalyzer,
    InvariantAnalyzer,
    LLMRiskAnalyzer,
    RiskLevel,
    SecurityAnalyzer,
    State,
)

UNKNOWN, LOW, MEDIUM, HIGH = RiskLevel


class Says(SecurityAnalyzer):
    """Says a level, or raises."""

    name = "says"

    def __init__(self, answer: RiskLevel | None, **options: Any) -> None:
        super().__init__(**options)
        self._answer = answer

    async def assess(self, question: Any) -> Assessment:
        if self._answer is None:
            raise RuntimeError("it broke")
        return Assessment(self._answer)


@pytest.mark.parametrize(("first", "second"), [*product(RiskLevel, RiskLevel)])
def test_the_gravest_level_counts(first: RiskLevel, second: RiskLevel) -> None:
    ranks = [LOW, UNKNOWN, MEDIUM, HIGH]
    ensemble = EnsembleAnalyzer([Says(first), Says(second)])

    level = ensemble.security_risk_sync(call("x"))

    assert level is max((first, second), key=ranks.index)


@pytest.mark.parametrize("on_error", ["ask", "deny"])
def test_a_member_that_fails_counts_as_on_error_says(on_error: str) -> None:
    ensemble = EnsembleAnalyzer([Says(LOW), Says(None)], on_error=on_error)

    decision = ensemble.decide_sync(call("x"))

    assert (decision.verdict, decision.cause, decision.level) == (on_error, "error", HIGH)
    assert "the analyzer `says` failed: it broke" in decision.reason


def test_a_member_that_fails_does_not_hide_what_another_found() -> None:
    ensemble = EnsembleAnalyzer([Says(HIGH), Says(None)], on_error="ask")

    assert ensemble.decide_sync(call("x")).verdict == "deny"


def test_the_model_cannot_talk_a_policy_down() -> None:
    policy = policyc.Policy.from_string(
        'raise "x [risk=high]" if:\n    (call: ToolCall)\n    call is tool:pay\n'
    )
    ensemble = EnsembleAnalyzer([InvariantAnalyzer(policy), LLMRiskAnalyzer()])

    decision = ensemble.decide_sync(call("pay", security_risk="LOW"))

    assert decision.verdict == "deny"
    assert [one.message for one in decision.violations] == ["x [risk=high]"]
    assert ensemble.decide_sync(call("look", security_risk="LOW")).is_allowed
    assert ensemble.decide_sync(call("look", security_risk="MEDIUM")).verdict == "ask"


def test_members_live_and_end_with_it() -> None:
    members = [Says(LOW), Says(HIGH)]
    ensemble = EnsembleAnalyzer(members)
    ensemble.decide_sync(call("x"))
    assert {member.state for member in members} == {State.RUNNING}

    ensemble.close_sync()

    assert {member.state for member in members} == {State.CLOSED}


def test_a_member_that_is_closed_is_a_failure() -> None:
    members = [Says(LOW), Says(LOW)]
    ensemble = EnsembleAnalyzer(members)
    ensemble.decide_sync(call("x"))
    members[0].close_sync()

    assert ensemble.decide_sync(call("x")).verdict == "deny"
    with pytest.raises(AnalyzerError, match=r"cannot close: .* is closed"):
        ensemble.close_sync()
    assert members[1].state is State.CLOSED


def test_an_ensemble_of_nobody() -> None:
    with pytest.raises(AnalyzerError, match="needs members"):
        EnsembleAnalyzer([])
