"""Paired timing: contenders take turns, and what counts is the ratio inside each round.

Takes samplers (a contender that runs a number of loops and says what CPU time they took), gives
`Timings`. Load on the machine, its clock and its caches change from second to second; they change
little between two samples that follow one another, so the median of the ratios of such pairs is
steady where absolute times are not.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from time import process_time

Sampler = Callable[[int], float]
"""Runs a contender that many times; the CPU seconds that all of them took."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    `rounds`: pairs of samples. `sample`: CPU seconds that a sample takes at least. `budget`: CPU
    seconds for all samples of one contender; slow ones have fewer rounds, at least one. `is_quick`:
    leave out the largest sizes.
    """

    rounds: int = 9
    sample: float = 0.05
    budget: float = 8.0
    is_quick: bool = False


FULL = Effort()
QUICK = Effort(rounds=3, sample=0.005, budget=1.5, is_quick=True)


@dataclass(frozen=True, slots=True)
class Timings:
    """CPU seconds a loop, by contender, round by round."""

    seconds: dict[str, list[float]]

    def ratio(self, of: str, to: str) -> float:
        """The median of what `of` costs over what `to` costs in the same round."""
        pairs = zip(self.seconds[of], self.seconds[to], strict=False)
        return median(one / other for one, other in pairs)

    def time(self, of: str) -> float:
        """The median CPU time of one loop."""
        return median(self.seconds[of])


def in_process(function: Callable[[], object]) -> Sampler:
    """A contender that is called in this process, with the garbage collector off."""

    def sample(loops: int) -> float:
        was_enabled = gc.isenabled()
        gc.collect()
        gc.disable()
        try:
            start = process_time()
            for _ in repeat(None, loops):
                function()
            return process_time() - start
        finally:
            if was_enabled:
                gc.enable()

    return sample


def compare(samplers: dict[str, Sampler], effort: Effort) -> Timings:
    """Time contenders in turns: A B C A B C ..."""
    loops: dict[str, int] = {}
    rounds: dict[str, int] = {}
    seconds: dict[str, list[float]] = {name: [] for name in samplers}
    for name, sampler in samplers.items():
        loops[name], spent = _calibrated(sampler, effort)
        rounds[name] = min(effort.rounds, int(effort.budget / max(spent, effort.sample)))
        if rounds[name] < 1:
            # One run alone takes more than there is time for: it has to do.
            seconds[name].append(spent / loops[name])
    for number in range(max(rounds.values())):
        for name, sampler in samplers.items():
            if number < rounds[name]:
                seconds[name].append(sampler(loops[name]) / loops[name])
    return Timings(seconds)


def _calibrated(sampler: Sampler, effort: Effort) -> tuple[int, float]:
    """The number of loops that fills a sample, and the CPU seconds that they take."""
    loops = 1
    while True:
        spent = sampler(loops)
        if spent >= effort.sample:
            return loops, spent
        wanted = loops * effort.sample / max(spent, 1e-7)
        loops = max(loops + 1, min(int(wanted * 1.2), loops * 100))
