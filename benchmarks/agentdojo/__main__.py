"""`python -m benchmarks.agentdojo`: how many of AgentDojo's attacks bundled policies stop, and how
many of its harmless tasks they flag.

No model is asked: the calls are AgentDojo's own ground truth, made in its environments.
`make agentdojo` installs it, in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING

from rich.progress import track

import policyc
from benchmarks.agentdojo import evaluation, traces

if TYPE_CHECKING:
    from benchmarks.agentdojo.evaluation import Figures

POLICIES = ("prompt-injection", "data-exfiltration", "email-assistant", "web-browsing")
"""Judged together by default, with their default parameters."""

ATTACKS = (
    "goal", "spelled", "direct", "ignore_previous", "system_message", "injecagent",
    "important_instructions",
)  # fmt: skip


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agentdojo", description=__doc__)
    parser.add_argument(
        "--policy",
        action="append",
        metavar="NAME",
        help=f"a file, or policy:NAME; may be repeated (default: {', '.join(POLICIES)})",
    )
    parser.add_argument(
        "--attack",
        choices=ATTACKS,
        default="goal",
        help="the words around the planted goal: `goal` and `spelled` have none, the latter writes "
        "addresses as `eve at evil dot example`; the others are AgentDojo's (default: goal)",
    )
    parser.add_argument(
        "--format",
        choices=("json", "yaml"),
        default="json",
        help="what tools return; in YAML fields are not told from what stands in them",
    )
    parser.add_argument(
        "--wrong", action="store_true", help="list attacks missed and tasks flagged"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--again", action="store_true", help="play the tasks again")
    parser.add_argument("--traces", type=Path, metavar="FILE", help="judge these, and play nothing")
    parser.add_argument(
        "--python",
        help=f"a Python that has agentdojo (default: {traces.VARIABLE}, or .venv-agentdojo)",
    )
    options = parser.parse_args(given)
    if options.traces is None:
        options.python = traces.interpreter(options.python)
        if options.python is None:
            parser.error("agentdojo is not installed: `make agentdojo` does it; or name a --python")
    elif not options.traces.is_file():
        parser.error(f"there is no {options.traces}")
    return options


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    names = options.policy or [f"policy:{name}" for name in POLICIES]
    policies = [policyc.Policy.from_file(name) for name in names]
    try:
        file = options.traces or traces.play(
            options.python, options.attack, options.format, again=options.again
        )
    except CalledProcessError:
        sys.exit("AgentDojo could not play its tasks; what it said stands above")
    with file.open() as lines:
        played = list(traces.read(lines))
    shown = track(played, "judging", disable=not sys.stderr.isatty())
    figures = evaluation.judged(shown, policies)
    print(as_json(figures) if options.json else as_tables(figures))
    if options.wrong and not options.json:
        print(as_list(figures))


def as_tables(figures: Figures) -> str:
    lines = ["| suite | attacks | stopped | tasks | flagged |", "|---|--:|--:|--:|--:|"]
    for suite, counts in figures.by_suite().items():
        lines.append(
            f"| {suite} | {counts.attacks} | {counts.stopped} | {counts.tasks} | {counts.flagged} |"
        )
    lines += ["", "| rule | attacks | no other | tasks |", "|---|--:|--:|--:|"]
    for rule, (stopped, alone, flagged) in figures.by_rule().items():
        lines.append(f"| {rule} | {stopped} | {alone} | {flagged} |")
    return "\n".join(lines) + "\n"


def as_list(figures: Figures) -> str:
    lines = []
    for verdict in figures.verdicts:
        if verdict.is_wrong:
            trace = verdict.trace
            what = f"flagged: {', '.join(sorted(verdict.rules))}" if verdict.rules else "missed"
            tasks = f"{trace.user} {trace.injection or ''}".strip()
            lines.append(f"{trace.suite} {tasks}: {what}")
    return "\n".join(lines)


def as_json(figures: Figures) -> str:
    wrong = [
        {
            "suite": verdict.trace.suite,
            "user": verdict.trace.user,
            "injection": verdict.trace.injection,
            "rules": sorted(verdict.rules),
        }
        for verdict in figures.verdicts
        if verdict.is_wrong
    ]
    suites = {suite: asdict(counts) for suite, counts in figures.by_suite().items()}
    columns = ("attacks", "no_other", "tasks")
    rules = {
        rule: dict(zip(columns, counts, strict=True)) for rule, counts in figures.by_rule().items()
    }
    return json.dumps({"suites": suites, "rules": rules, "wrong": wrong}, indent=1)


if __name__ == "__main__":
    main()
