"""Replaying a corpus: sessions a second, what several processes save, what memory it takes.

Whole processes, as a user runs them; their times are those on the clock, since what counts here is
work at the same time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from benchmarks.planted import write_corpus, write_policies
from benchmarks.results import Row, duration
from benchmarks.setting import agree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.setting import Setting

TRACES = 20_000
QUICK_TRACES = 500
ROUNDS = 3

_PEAK = (
    "import resource, subprocess, sys\n"
    "ended = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
    "print(ended.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
)


def replaying(setting: Setting) -> Iterator[Row]:
    """`policyc replay` of a corpus with planted flips, with one process and with all cores."""
    count = QUICK_TRACES if setting.effort.is_quick else TRACES
    cores = os.cpu_count() or 1
    with TemporaryDirectory() as place:
        folder = Path(place)
        old, new = write_policies(folder)
        flips = write_corpus(folder, count)
        corpus = folder / "sessions.jsonl"
        command = [sys.executable, "-m", "policyc", "replay", str(corpus)]
        command += ["--old", str(old), "--new", str(new), "--format", "json", "-n"]
        flipped = [_replay([*command, str(number)], folder) for number in (1, cores)]
        agree("replay", planted=len(flips), one=flipped[0][0], all=flipped[1][0])
        rounds = 1 if setting.effort.is_quick else ROUNDS
        times = [
            [_replay([*command, str(number)], folder)[1] for number in (1, cores)]
            for _ in range(rounds)
        ]
        parsing = median(_parse(corpus) for _ in range(rounds))
        peak = _peak([*command, str(cores)], folder)
        size = corpus.stat().st_size
    one, several = (median(column) for column in zip(*times, strict=True))
    yield Row(
        f"{count:,} sessions with one process: to parsing their JSON alone",
        one / parsing,
        note=f"{duration(parsing)}, {duration(one)}: {count / one:,.0f} sessions a second,"
        f" {size / one / 2**20:.0f} MiB a second",
    )
    yield Row(
        f"the same with {cores} processes: how many times as fast",
        median(first / second for first, second in times),
        more_is_better=True,
        note=f"{duration(several)}: {count / several:,.0f} sessions a second",
    )
    yield Row(f"memory of its largest process, for {size / 2**20:.0f} MiB of sessions", peak, "MiB")


def _replay(command: list[str], folder: Path) -> tuple[int, float]:
    """How many sessions flip, and the seconds that it took."""
    start = perf_counter()
    ended = subprocess.run(
        command, env=_environment(folder), capture_output=True, check=True, text=True
    )
    seconds = perf_counter() - start
    summary = json.loads(ended.stdout.splitlines()[-1])["summary"]
    return summary["flipped"], seconds


def _parse(corpus: Path) -> float:
    """The CPU seconds that it takes to parse a file of JSON Lines."""
    start = process_time()
    with corpus.open(encoding="utf-8") as lines:
        for line in lines:
            json.loads(line)
    return process_time() - start


def _peak(command: list[str], folder: Path) -> float:
    """The peak memory in MiB of a command's largest process."""
    ended = subprocess.run(
        [sys.executable, "-c", _PEAK, *command],
        env=_environment(folder),
        capture_output=True,
        check=True,
        text=True,
    )
    code, kibibytes = ended.stdout.split()
    agree("replay", expected="0", code=code)
    return int(kibibytes) / 1024


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "POLICYC_CACHE_DIR": str(folder / "cache")}
