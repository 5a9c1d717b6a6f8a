"""The hand-written floors, against the plain evaluation of the policies that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks.cases import CASES, floor_source, mixed_policy
from benchmarks.trace_maker import make_long_trace, make_traces

from policyc import Policy

if TYPE_CHECKING:
    from benchmarks.cases import Case

TRACES = [*make_traces(60), make_long_trace(50)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_floor_finds_the_violations_of_its_policy(case: Case) -> None:
    policy = Policy.from_string(case.source, optimize=False)
    expected = [len(policy.analyze(trace)) for trace in TRACES]
    assert [len(case.floor(trace)) for trace in TRACES] == expected
    assert sum(expected) > 0


@pytest.mark.parametrize("case", [x for x in CASES if x.session], ids=lambda case: case.name)
def test_a_floor_finds_them_event_by_event_too(case: Case) -> None:
    assert case.session is not None
    for trace in TRACES:
        append = case.session()
        found = [match for event in trace for match in append(event) or ()]
        assert found == case.floor(trace)


def test_the_rules_of_a_mixed_policy_are_all_different() -> None:
    rules = mixed_policy(10, 100).removeprefix("from invariant import count\n\n")
    parts = rules.split("raise ")[1:]
    assert len({part.partition("\n")[2] for part in parts}) == len(parts) == 10
    assert '"109: ' in parts[-1]


def test_the_floors_of_a_mixed_policy_are_functions() -> None:
    made: dict[str, object] = {}
    exec(floor_source(5, 7), made)
    names = {case.floor.__name__ for case in CASES}
    assert names <= made.keys()
