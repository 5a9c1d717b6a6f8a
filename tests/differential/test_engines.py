"""The engines of policyc agree on what hypothesis makes; `run` does the same in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.cases import Case, Seen, check_engines, make_case
from tests.differential.choices import DrawnChoices, SeededChoices

if TYPE_CHECKING:
    from collections.abc import Callable


@st.composite
def cases(draw: Callable[[st.SearchStrategy[int]], int], *, tame: bool) -> Case:
    return make_case(DrawnChoices(draw), tame=tame, traces=1)


@settings(max_examples=150)
@given(cases(tame=False))
def test_all_engines_agree(case: Case) -> None:
    check_engines(case)


@settings(max_examples=50)
@given(cases(tame=True))
def test_all_engines_agree_on_what_the_reference_reads_too(case: Case) -> None:
    check_engines(case)


@pytest.mark.parametrize("tame", [False, True])
def test_the_cases_are_worth_it(tame: bool) -> None:
    """Of random cases many match, some fail, and few are refused: else nothing would be tested."""
    seen = Seen()
    for seed in range(60):
        seen.add(check_engines(make_case(SeededChoices(seed), tame=tame, traces=3)))
    assert seen.with_violations > 0.08 * seen.traces
    assert seen.with_failures > 0 or tame
    assert seen.refused < 6
