"""Whole processes: what starting costs, in CPU time of the process and of those that it starts."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from functools import partial
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.cases import FLOW
from benchmarks.pairing import compare
from benchmarks.results import Row, duration
from benchmarks.setting import Setting, agree
from benchmarks.trace_maker import make_long_trace, make_ordinary_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.pairing import Sampler

_MAIN = "import sys; from policyc.cli import main; sys.exit(main())"
"""What the script `policyc` does."""


def starting(command: list[str], environment: Mapping[str, str], expected: int = 0) -> Sampler:
    """A contender that is a command; it must end with the expected exit code."""

    def sample(loops: int) -> float:
        start = _of_children()
        for _ in repeat(None, loops):
            ended = subprocess.run(command, env=environment, capture_output=True, check=False)
            agree(" ".join(command[:3]), expected=expected, code=ended.returncode)
        return _of_children() - start

    return sample


def _file(folder: str, name: str, text: str) -> str:
    path = Path(folder, name)
    path.write_text(text, encoding="utf-8")
    return str(path)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def processes(setting: Setting) -> Iterator[Row]:
    """Processes from start to end, beside one that does nothing."""
    with TemporaryDirectory() as folder:
        policy = _file(folder, "policy.inv", FLOW.source)
        clean = _file(folder, "clean.json", json.dumps(make_ordinary_events(10)))
        bad = _file(folder, "bad.json", json.dumps(make_long_trace(10)))
        cached = {**os.environ, "POLICYC_CACHE_DIR": str(Path(folder, "cache"))}
        cached.pop("POLICYC_NO_CACHE", None)
        python = sys.executable
        evaluate = [python, "-c", _MAIN, "eval", policy]
        run = partial(starting, environment=cached)
        samplers = {
            "pass": run([python, "-c", "pass"]),
            "import": run([python, "-c", "import policyc"]),
            "clean": run([*evaluate, clean]),
            "bad": run([*evaluate, bad], expected=1),
            "fresh": starting([*evaluate, clean], {**cached, "POLICYC_NO_CACHE": "1"}),
        }
        if setting.oracle is not None:
            local = {**cached, "LOCAL_POLICY": "1"}
            peer = str(setting.oracle)
            samplers["peer pass"] = starting([peer, "-c", "pass"], local)
            samplers["peer import"] = starting([peer, "-c", "import invariant.analyzer"], local)
        timings = compare(samplers, setting.effort)
    base = duration(timings.time("pass"))
    for name, what, goal, stretch in (
        ("import", "`import policyc`", 3.0, 2.0),
        ("clean", "`policyc eval`, the policy cached, nothing found", 6.0, 4.0),
        ("bad", "`policyc eval`, the policy cached, a violation reported", None, None),
        ("fresh", "`policyc eval`, the policy compiled, nothing found", None, None),
    ):
        yield Row(
            f"{what}: to `python -c pass`",
            timings.ratio(name, "pass"),
            goal=goal,
            stretch=stretch,
            note=f"{base}, {duration(timings.time(name))}",
        )
    if setting.oracle is not None:
        yield Row(
            "`import invariant.analyzer`: to its `python -c pass`",
            timings.ratio("peer import", "peer pass"),
            note=f"{duration(timings.time('peer pass'))}, {duration(timings.time('peer import'))}",
        )
