"""Paired timing, with contenders whose times are made up."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from benchmarks.pairing import Effort, Timings, compare, in_process

if TYPE_CHECKING:
    from benchmarks.pairing import Sampler


def made_up(name: str, each: float, log: list[str]) -> Sampler:
    """A contender that notes when it runs and claims that each loop takes that long."""

    def sample(loops: int) -> float:
        log.append(name)
        return loops * each

    return sample


def test_contenders_take_turns() -> None:
    log: list[str] = []
    compare(
        {"a": made_up("a", 1.0, log), "b": made_up("b", 2.0, log)}, Effort(rounds=3, sample=0.5)
    )
    # One run each to find out how often, then the rounds.
    assert log == ["a", "b", "a", "b", "a", "b", "a", "b"]


def test_a_sample_is_long_enough() -> None:
    loops = []

    def sample(count: int) -> float:
        loops.append(count)
        return count * 1e-4

    compare({"a": sample}, Effort(rounds=2, sample=0.05))
    assert loops[-1] * 1e-4 >= 0.05
    assert loops[-1] <= 700


def test_slow_contenders_have_fewer_rounds_and_at_least_one() -> None:
    effort = Effort(rounds=9, sample=0.05, budget=10.0)
    log: list[str] = []
    samplers = {name: made_up(name, each, log) for name, each in (("a", 4.0), ("b", 99.0))}
    samplers["c"] = made_up("c", 0.1, log)
    timings = compare(samplers, effort)
    assert {name: len(seconds) for name, seconds in timings.seconds.items()} == {
        "a": 2,
        "b": 1,
        "c": 9,
    }
    assert log.count("b") == 1
    assert timings.ratio("b", "c") == pytest.approx(990)


def test_the_ratio_is_the_median_of_those_inside_each_round() -> None:
    timings = Timings({"a": [1.0, 10.0, 1.0], "b": [2.0, 20.0, 9.0]})
    assert timings.ratio("b", "a") == 2.0
    assert timings.time("b") == 9.0


def test_the_collector_is_off_while_a_contender_runs() -> None:
    seen = []
    assert gc.isenabled()
    in_process(lambda: seen.append(gc.isenabled()))(3)
    assert seen == [False, False, False]
    assert gc.isenabled()
