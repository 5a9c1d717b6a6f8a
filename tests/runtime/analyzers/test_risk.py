"""Levels, thresholds and the decisions that they lead to."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from policyc.analyzers import AnalyzerError, Assessment, RiskLevel, Thresholds, Verdict
from policyc.runtime.analyzers.risk import decide, worst

UNKNOWN, LOW, MEDIUM, HIGH = RiskLevel


def test_the_numbers_are_those_of_openhands() -> None:
    assert [level.value for level in RiskLevel] == [-1, 0, 1, 2]


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("high", HIGH),
        (" Medium ", MEDIUM),
        ("LOW", LOW),
        (0, LOW),
        (2, HIGH),
        (MEDIUM, MEDIUM),
        ("unknown", UNKNOWN),
        ("critical", UNKNOWN),
        ("", UNKNOWN),
        (3, UNKNOWN),
        (-2, UNKNOWN),
        (True, UNKNOWN),
        (0.0, UNKNOWN),
        (None, UNKNOWN),
        (["LOW"], UNKNOWN),
    ],
)
def test_what_is_no_level_is_unknown(value: Any, level: RiskLevel) -> None:
    assert RiskLevel.read(value) is level


def test_an_unknown_level_is_graver_than_a_low_one() -> None:
    assert worst([LOW, UNKNOWN]) is UNKNOWN
    assert worst([UNKNOWN, MEDIUM, LOW]) is MEDIUM
    assert worst([]) is LOW


def test_the_default_thresholds() -> None:
    verdicts = [Thresholds().verdict(level) for level in RiskLevel]

    assert verdicts == ["ask", "allow", "ask", "deny"]


def test_thresholds_of_ones_own() -> None:
    never = Thresholds(ask=None, deny=None, unknown=Verdict.ALLOW)
    assert {never.verdict(level) for level in RiskLevel} == {Verdict.ALLOW}
    always = Thresholds(ask=LOW, deny=None)
    assert {always.verdict(level) for level in RiskLevel} == {Verdict.ASK}
    assert Thresholds(ask=HIGH, deny=HIGH).verdict(HIGH) is Verdict.DENY


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"ask": HIGH, "deny": MEDIUM}, r"`ask` \(HIGH\) lies above `deny` \(MEDIUM\)"),
        ({"ask": UNKNOWN}, "`ask` cannot be UNKNOWN"),
        ({"deny": UNKNOWN}, "`deny` cannot be UNKNOWN"),
    ],
)
def test_thresholds_that_make_no_sense(thresholds: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalyzerError, match=message):
        Thresholds(**thresholds)


@pytest.mark.parametrize(("level", "on_error"), [*product(RiskLevel, (Verdict.ASK, Verdict.DENY))])
def test_a_failure_never_lets_an_action_run(level: RiskLevel, on_error: Verdict) -> None:
    """W1: whatever else was found, and whatever the thresholds."""
    lax = Thresholds(ask=None, deny=None, unknown=Verdict.ALLOW)

    decision = decide(Assessment(level, failures=("it broke",)), lax, on_error)

    assert (decision.verdict, decision.cause, decision.level) == (on_error, "error", HIGH)
    assert not decision.is_allowed
    assert "it broke" in decision.reason


def test_a_failure_does_not_make_a_decision_milder() -> None:
    decision = decide(Assessment(HIGH, failures=("it broke",)), Thresholds(), Verdict.ASK)

    assert decision.verdict is Verdict.DENY


def test_a_decision_as_json() -> None:
    decision = decide(Assessment(MEDIUM, notes=("odd",)), Thresholds(), Verdict.DENY)

    assert decision.to_dict() == {
        "verdict": "ask",
        "level": "medium",
        "violations": [],
        "cause": "level",
        "reason": "odd",
    }
