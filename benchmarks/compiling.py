"""From the text of a policy to one that runs: compiled, and read back from the cache on disk."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from itertools import count as numbers
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.cases import floor_source, mixed_policy, rules_of
from benchmarks.pairing import compare, in_process
from benchmarks.results import Row, duration
from benchmarks.setting import Setting, agree
from benchmarks.trace_maker import make_traces
from policyc import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.pairing import Sampler

COUNTS = (1, 10, 100, 1000)
MOST_RULES_OF_ORACLE = 100
GOALS = {1: (5.0, 2.0), 1000: (500.0, 200.0)}
"""Milliseconds: goal and stretch."""


def fresh(make: Callable[[str], object], source: Callable[[int, int], str], rules: int) -> Sampler:
    """A contender that compiles another text each time: what is remembered of the last does not
    help.
    """
    salts = numbers()

    def once() -> None:
        make(source(rules, rules * next(salts)))

    return in_process(once)


def compile_policy(source: str) -> None:
    """Compile a policy so far that it has answered once."""
    Policy.from_string(source).analyze([])


def compile_floor(source: str) -> None:
    """What Python itself takes for hand-written functions."""
    exec(compile(source, "<floor>", "exec"), {})


def compiling(setting: Setting) -> Iterator[Row]:
    """Compile rules like P1 to P5 in turns, no two alike."""
    counts = COUNTS[:3] if setting.effort.is_quick else COUNTS
    with setting.running_oracle() as oracle:
        for count in counts:
            _check(count)
            samplers = {
                "floor": fresh(compile_floor, floor_source, count),
                "policyc": fresh(compile_policy, mixed_policy, count),
            }
            most = 10 if setting.effort.is_quick else MOST_RULES_OF_ORACLE
            if oracle is not None and count <= most:
                oracle.load("compile", mixed_policy(count, 0), [])
                samplers["invariant-ai"] = oracle.sample
            timings = compare(samplers, setting.effort)
            goal, stretch = GOALS.get(count, (None, None))
            yield Row(
                rules_of(count),
                timings.time("policyc") * 1e3,
                "ms",
                goal=goal,
                stretch=stretch,
                note=f"x{timings.ratio('policyc', 'floor'):.3g} of Python's compiler for"
                f" hand-written functions",
            )
            if "invariant-ai" in samplers:
                yield Row(
                    f"{rules_of(count)}: invariant-ai to policyc",
                    timings.ratio("invariant-ai", "policyc"),
                    more_is_better=True,
                    note=duration(timings.time("invariant-ai")),
                )


def _check(count: int) -> None:
    """Each kind of rule must find what its one-rule policy finds."""
    traces = make_traces(5)
    policy = Policy.from_string(mixed_policy(count, 0))
    agree(
        "no rule of the mixed policy fits",
        expected=[0] * len(traces),
        policyc=[len(policy.analyze(trace)) for trace in traces],
    )
    trace = [{"role": "user", "content": "the password_0 is x"}]
    agree("the first rule of the mixed policy", expected=1, policyc=len(policy.analyze(trace)))


def from_cache(setting: Setting) -> Iterator[Row]:
    """Read compiled policies back from disk."""
    counts = COUNTS[:3] if setting.effort.is_quick else COUNTS
    samplers: dict[str, Sampler] = {}
    with TemporaryDirectory() as folder, _cache_in(Path(folder, "cache")):
        for count in counts:
            path = Path(folder, f"{count}.inv")
            path.write_text(mixed_policy(count, 0), encoding="utf-8")
            _read_policy(path)
            samplers[str(count)] = in_process(partial(_read_policy, path))
        agree("entries", expected=len(counts), cache=len(list(Path(folder, "cache").glob("*.bin"))))
        timings = compare(samplers, setting.effort)
    for count in counts:
        is_most = count == COUNTS[-1]
        yield Row(
            rules_of(count),
            timings.time(str(count)) * 1e3,
            "ms",
            goal=30 if is_most else None,
            stretch=20 if is_most else None,
        )


def _read_policy(path: Path) -> None:
    Policy.from_file(path).analyze([])


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Have the cache in another folder."""
    changed = {"POLICYC_CACHE_DIR": str(folder), "POLICYC_NO_CACHE": "0"}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
