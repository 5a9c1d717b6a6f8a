"""Coverage is what brute force finds; `run --only coverage` does the same in bulk."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyc.runtime.testing.coverage import recorder
from tests.differential.choices import DrawnChoices, SeededChoices
from tests.differential.comparisons import Difference
from tests.differential.coverage_cases import (
    CoverageCase,
    Looked,
    check_coverage,
    make_coverage_case,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.compiler import plan as p
    from policyc.runtime.interpreter import Frame, Places


@st.composite
def cases(draw: Callable[[st.SearchStrategy[int]], int]) -> CoverageCase:
    return make_coverage_case(DrawnChoices(draw), traces=1)


@settings(max_examples=60)
@given(cases())
def test_coverage_is_what_brute_force_finds(case: CoverageCase) -> None:
    check_coverage(case)


def test_the_cases_are_worth_it() -> None:
    """Of the points of random cases many are reached, and many come out both ways or fail."""
    looked = Looked()
    for seed in range(60):
        looked.add(check_coverage(make_coverage_case(SeededChoices(seed), traces=2)))
    assert looked.refused + looked.left_out < 6
    assert looked.reached > 0.1 * looked.points
    assert looked.both > 0.1 * looked.reached
    assert looked.failed > 0


def _places(counting: recorder._Recording, expression: p.Expr, frame: Frame) -> Places:
    """Looks for places, which evaluates conditions once more."""
    return super(recorder._Recording, counting).locate(expression, frame)


def _first_key(
    counting: recorder._Recording, pattern: p.DictPattern, value: dict[str, object], frame: Frame
) -> bool:
    """Looks at all entries, though one does not fit."""
    entries = zip(pattern.keys, pattern.values, strict=True)
    return all([counting.matches(x, value.get(key), frame) for key, x in entries])


@pytest.mark.parametrize(("name", "wrong"), [("locate", _places), ("_entries", _first_key)])
def test_a_wrong_count_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., object]
) -> None:
    monkeypatch.setattr(recorder._Recording, name, wrong)
    cases = (make_coverage_case(SeededChoices(seed), traces=2) for seed in range(300))
    with pytest.raises(Difference):
        deque(map(check_coverage, cases), maxlen=0)
