"""How long each detector takes on a text of about 1 KiB, beside other packages, in one run.

Every contender runs in a process of its own, with the first interpreter that has its package: that
of `make oracle`, that of `make candidates`, or this one. Rounds take turns, so that whatever else
the machine does hits all alike; of each text the fastest round counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import truediv
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.detectors.latency_texts import KINDS, samples
from benchmarks.oracle import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.detectors.latency_texts import Sample

WORKER = Path(__file__).with_name("latency_worker.py")
CANDIDATES = ROOT / ".venv-candidates" / "bin" / "python"
"""The environment that `make candidates` sets up."""

ROUNDS = 7
POLICYC = "policyc"


@dataclass(frozen=True, slots=True)
class Contest:
    """A detector, its goal in milliseconds a KiB, others that do the like, and kinds of texts."""

    detector: str
    goal: float | None
    others: tuple[str, ...] = ()
    kinds: tuple[str, ...] = tuple(KINDS)


CONTESTS = (
    Contest("secrets", 1.5, ("invariant-ai", "detect-secrets", "betterleaks", "kingfisher")),
    Contest("pii", 3.0, ("presidio, patterns",)),
    Contest("prompt_injection", 1.0, ("aicordon", "toolwall")),
    Contest("unicode", 0.1, ("invariant-ai",)),
    Contest("unicode, every category", 0.1, ("invariant-ai",)),
    Contest("deceptive_unicode", 0.1, ("confusable-homoglyphs",)),
    Contest("copyright", None, ("invariant-ai",)),
    Contest("python_code", 2.0, ("invariant-ai",), ("code",)),
    Contest("fuzzy_contains", 0.1, ("regex",)),
    Contest("is_similar", None),
    Contest("html_code", None, ("invariant-ai", "lxml", "selectolax", "urlextract")),
    Contest("shell", None, ("bashlex", "shlex"), ("shell",)),
)
"""Goals are for texts of this size. `shell` has one for single commands: see
`python -m benchmarks.detectors.shell`. `unicode` is asked as policies ask it, for `Cc`, `Cf`, `Co`
and `Cs`, and without a list, which reports every character of every text."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The median of the times that one contender takes for texts, in milliseconds a KiB."""

    detector: str
    by: str
    milliseconds: float
    clean: float
    with_findings: float
    slowest_kind: str
    ratio: float | None = None
    """policyc's median over that of this contender; None for policyc itself."""
    goal: float | None = None

    @property
    def is_met(self) -> bool | None:
        return None if self.goal is None else self.milliseconds <= self.goal

    def to_dict(self) -> dict[str, Any]:
        names = ("detector", "by", "milliseconds", "clean", "with_findings", "slowest_kind")
        shown = {name: getattr(self, name) for name in names}
        return {**shown, "ratio": self.ratio, "goal": self.goal, "is_met": self.is_met}


@dataclass
class Contender:
    """A running worker, and the fastest time of each text so far."""

    by: str
    process: subprocess.Popen[str]
    fastest: list[float] = field(default_factory=list)

    def run(self) -> None:
        """One round over the texts."""
        answer = ask(self.process, {})
        times = answer["milliseconds"]
        self.fastest = list(map(min, self.fastest, times)) if self.fastest else times


def interpreters(oracle: Path | None) -> list[Path]:
    """Where packages are looked for, in this order."""
    there = [path for path in (oracle, CANDIDATES) if path is not None and path.exists()]
    return [*there, Path(sys.executable)]


def ask(process: subprocess.Popen[str], request: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        return {"missing": "the process ended"}
    answer: dict[str, Any] = json.loads(line)
    return answer


def start(
    by: str, detector: str, texts: list[str], pythons: Sequence[Path], stack: ExitStack
) -> Contender | None:
    """A contender that is ready, or None where no interpreter has its package."""
    for python in pythons:
        process = stack.enter_context(
            subprocess.Popen(
                [python, WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )
        )
        stack.callback(process.kill)
        answer = ask(process, {"by": by, "detector": detector, "texts": texts})
        if answer["missing"] is None:
            return Contender(by, process)
    return None


def timings(contest: Contest, oracle: Path | None, rounds: int = ROUNDS) -> list[Timing]:
    """policyc and all others that are installed, on the same texts in turns."""
    texts = [one for one in samples() if one.kind in contest.kinds]
    plain = [one.text for one in texts]
    with ExitStack() as stack:
        own = start(POLICYC, contest.detector, plain, [Path(sys.executable)], stack)
        if own is None:
            raise RuntimeError(f"policyc has no detector {contest.detector}")
        pythons = interpreters(oracle)
        others = [start(by, contest.detector, plain, pythons, stack) for by in contest.others]
        contenders = [own, *(one for one in others if one is not None)]
        for _ in range(rounds):
            for one in contenders:
                one.run()
    return [_timing(contest, one, texts, own) for one in contenders]


def _timing(contest: Contest, one: Contender, texts: list[Sample], own: Contender) -> Timing:
    pairs = list(zip(texts, one.fastest, strict=True))

    def middle(wanted: list[tuple[Sample, float]]) -> float:
        return median(time / text.kib for text, time in wanted)

    by_kind = {
        kind: middle([pair for pair in pairs if pair[0].kind == kind]) for kind in contest.kinds
    }
    is_own = one is own
    return Timing(
        contest.detector,
        one.by,
        middle(pairs),
        middle([pair for pair in pairs if not pair[0].has_findings]),
        middle([pair for pair in pairs if pair[0].has_findings]),
        max(by_kind, key=lambda kind: by_kind[kind]),
        None if is_own else median(map(truediv, own.fastest, one.fastest)),
        contest.goal if is_own else None,
    )


def rows(oracle: Path | None, rounds: int = ROUNDS) -> list[Timing]:
    """All detectors."""
    return [row for contest in CONTESTS for row in timings(contest, oracle, rounds)]


HEADINGS = (
    "| detector | by | p50, ms/KiB | clean | with findings | slowest on | policyc/other "
    "| goal | |\n"
    "|---|---|--:|--:|--:|---|--:|--:|---|"
)


def as_text(found: Sequence[Timing]) -> str:
    """A table for a terminal or a page."""
    lines = ["## Texts of 1 KiB", "", HEADINGS]
    for row in found:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        goal = "" if row.goal is None else f"{row.goal:g}"
        verdict = {None: "", True: "met", False: "missed"}[row.is_met]
        lines.append(
            f"| {row.detector} | {row.by} | {row.milliseconds:.3f} | {row.clean:.3f} "
            f"| {row.with_findings:.3f} | {row.slowest_kind} | {ratio} | {goal} | {verdict} |"
        )
    return "\n".join([*lines, ""])
