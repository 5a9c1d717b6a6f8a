"""Explanations of rules that do not fire because of a single fault name the faulty condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.testing.mutation.faults import FAULTS, POLICIES, drawn_faults

from policyc import Policy
from policyc.runtime.testing.mutation.operators.registry import OPERATORS

if TYPE_CHECKING:
    from tests.runtime.testing.mutation.faults import Fault

ENOUGH = 28


@pytest.mark.parametrize("name", POLICIES)
def test_without_a_fault_the_rule_fires(name: str) -> None:
    source, trace = POLICIES[name]
    result = Policy.from_string(source).analyze(trace)
    assert len(result.violations) >= 1
    assert not result.errors


def named(fault: Fault) -> set[int]:
    """The lines that an explanation gives as the reason."""
    (rule,) = fault.policy.why(fault.trace).to_dict()["rules"]
    lines = {failure["line"] for failure in rule["failures"]}
    if rule["culprit"] is not None:
        lines |= _false_lines(rule["culprit"])
    return lines


def _false_lines(seen: dict[str, Any]) -> set[int]:
    """The line of a condition that is in the way, and of what makes it so."""
    lines = {seen["line"]}
    for part in seen["parts"]:
        if part["outcome"] in ("false", "error"):
            lines |= _false_lines(part)
    return lines


@pytest.mark.parametrize("seed", range(3))
def test_explanations_name_the_faulty_condition(seed: int) -> None:
    faults = drawn_faults(seed)
    assert len(faults) == FAULTS
    assert {fault.mutant.kind for fault in faults} == {operator.name for operator in OPERATORS}
    missed = [fault.mutant.id for fault in faults if not named(fault) & fault.lines]
    assert FAULTS - len(missed) >= ENOUGH, missed
