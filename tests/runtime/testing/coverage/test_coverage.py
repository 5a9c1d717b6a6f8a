"""Coverages as data: added in any order, from any process, and how much of it all was seen."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from itertools import permutations
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.testing.coverage.seeing import coverage, recorder
from tests.traces import calls, user

from policyc import Policy
from policyc.runtime.testing.coverage.counts import Counts, Seen
from policyc.runtime.testing.coverage.coverage import Coverage, Ratio, Summary, shortfall
from policyc.runtime.testing.coverage.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.traces import Event

POLICY = """
raise "a" if:
    (m: Message)
    m.content == "k"
    m.role == "user"

raise "b" if:
    (c: ToolCall)
    c is tool:send({to: "bob"})
"""
OTHER = 'raise "c" if:\n    (m: Message)\n    m.content == "z"\n'
TRACES: list[list[Event]] = [
    [user("k"), user("z")],
    [calls("send", to="bob"), calls("read")],
    [],
    [user("z"), calls("send")],
]


def parts() -> list[Coverage]:
    return [
        *(coverage(POLICY, trace, path="a.inv") for trace in TRACES),
        *(coverage(OTHER, trace, path="c.inv") for trace in TRACES),
    ]


def in_a_process(trace: list[Event]) -> Coverage:
    return coverage(POLICY, trace, path="a.inv")


def test_a_sum_is_the_same_in_any_order_and_grouping() -> None:
    found = parts()[:5]
    total = Coverage.total(found)
    assert total.files == [
        *coverage(POLICY, *TRACES, path="a.inv").files,
        *coverage(OTHER, TRACES[0], path="c.inv").files,
    ]
    for order in permutations(found):
        assert Coverage.total(order) == total
    first, second, third, *_ = found
    assert (first + second) + third == first + (second + third)
    assert Coverage() + total == total


counts = st.builds(Counts, *[st.integers(0, 5)] * 4)
seens = st.builds(Seen, st.dictionaries(st.integers(0, 4), counts), st.integers(0, 3))


@given(seens, seens, seens)
def test_what_runs_have_seen_is_added_in_any_order(first: Seen, second: Seen, third: Seen) -> None:
    assert first + second == second + first
    assert (first + second) + third == first + (second + third)
    assert Seen() + first == first


def test_what_workers_count_is_what_one_process_counts() -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        found = list(pool.map(in_a_process, TRACES))
    assert Coverage.total(found) == coverage(POLICY, *TRACES, path="a.inv")


def test_coverages_can_be_pickled() -> None:
    total = Coverage.total(parts())
    assert pickle.loads(pickle.dumps(total)) == total
    counting = recorder(POLICY)
    seen = counting.run(TRACES[0], {})
    assert pickle.loads(pickle.dumps(seen)) == seen


def test_the_same_text_under_two_names_is_two_files() -> None:
    total = coverage(OTHER, [user("z")], path="a.inv") + coverage(OTHER, path="b.inv")
    assert [(x.file.path, x.summary.outcomes) for x in total.files] == [
        ("a.inv", Ratio(1, 2)),
        ("b.inv", Ratio(0, 2)),
    ]


def test_files_of_one_policy_stay_apart(tmp_path: Path) -> None:
    paths = [tmp_path / "a.inv", tmp_path / "b.inv"]
    for path, text in zip(paths, (POLICY, OTHER), strict=True):
        path.write_text(text, "utf-8")
    counting = Recorder(Policy.from_files(paths)._engine)
    files = counting.coverage(counting.run(TRACES[0], {})).files
    assert [len(x.points) for x in files] == [7, 2]
    assert [x.summary.rules for x in files] == [Ratio(1, 2), Ratio(1, 1)]


def test_the_summary_counts_rules_that_fired_and_outcomes() -> None:
    summary = coverage(POLICY, TRACES[0], path="a.inv").summary
    assert summary == Summary(Ratio(1, 2), Ratio(3, 10))
    assert summary.to_dict() == {
        "rules": {"seen": 1, "total": 2, "percent": 50.0},
        "outcomes": {"seen": 3, "total": 10, "percent": 30.0},
        "percent": 30.0,
        "cut": 0,
    }


@pytest.mark.parametrize(
    ("seen", "total", "percent"), [(0, 0, 100.0), (1999, 2000, 99.9), (2, 3, 66.6), (5, 5, 100.0)]
)
def test_a_percentage_never_says_more_than_was_seen(seen: int, total: int, percent: float) -> None:
    assert Ratio(seen, total).percent == percent


def test_a_minimum_that_is_not_met_is_told() -> None:
    summary = Summary(Ratio(1, 2), Ratio(19, 20))
    assert shortfall(summary, 50) is None
    assert shortfall(summary, 90) == "coverage is below 90 %: 50 % of the rules (1 of 2)"
    assert shortfall(summary, 99.5) == (
        "coverage is below 99.5 %: 50 % of the rules (1 of 2) and 95 % of the outcomes (19 of 20)"
    )
    assert shortfall(Coverage().summary, 100) is None


def test_the_points_that_a_run_reaches_are_a_set_of_bits() -> None:
    counting = recorder(POLICY)
    run = counting.run([user("z")], {})
    reached = [x.text for n, x in enumerate(counting.points.all) if run.reached >> n & 1]
    assert reached == ["a", 'm.content == "k"', "b"]


def test_two_runs_of_one_policy_are_two_runs() -> None:
    counting = recorder(OTHER)
    assert (counting.run([], {}) + counting.run([], {})).runs == 2
