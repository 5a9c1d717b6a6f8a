"""invariant-ai's own language tests hold for policyc, but for the differences that are listed."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conformance.upstream.suite import Outcome, is_named, run_suite, table
from tests.differential.oracle import needed_interpreter

pytestmark = pytest.mark.xdist_group("upstream")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return run_suite(needed_interpreter(), tmp_path_factory.mktemp("upstream"))


def test_the_shipped_tests_are_run(outcomes: dict[str, Outcome]) -> None:
    assert Counter(outcome.status for outcome in outcomes.values())["passed"] >= 130


def test_every_language_case_holds_or_is_listed(outcomes: dict[str, Outcome]) -> None:
    listed = [name for entry in table()["differs"] for name in entry["tests"]]
    surprises = {
        test: outcome.detail
        for test, outcome in outcomes.items()
        if outcome.status == "failed" and not is_named(test, listed)
    }
    assert surprises == {}


@pytest.mark.parametrize(
    "entry", table()["differs"], ids=lambda entry: entry["tests"][0].rpartition("::")[2]
)
def test_a_listed_difference_is_one(entry: dict[str, object], outcomes: dict[str, Outcome]) -> None:
    names = entry["tests"]
    assert isinstance(names, list)
    assert entry["section"]
    assert entry["reason"]
    for name in names:
        covered = {test: x.status for test, x in outcomes.items() if is_named(test, [name])}
        assert covered, f"{name} is no test"
        assert set(covered.values()) == {"failed"}, covered
