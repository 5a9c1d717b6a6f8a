"""`python -m benchmarks.sandbox`: how long sandboxes take, for every provider that works here.

Times of the clock, as whoever waits for a command sees them: most of the work is done in other
processes. Contenders take turns in each round; the median of all rounds is shown, with the ninth
decile beside it. Plain subprocesses of this process are among them.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING
from unittest.mock import patch

import policyc
from benchmarks.pairing import FULL, QUICK
from benchmarks.results import Row, as_text, duration
from benchmarks.setting import Setting, agree
from policyc.runtime.sandbox.audit import AuditLog, default_path, records
from policyc.runtime.sandbox.execution import run
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.gate import Gate
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.registry import PREFERRED, choose
from policyc.runtime.sandbox.sandbox import Sandbox
from policyc.runtime.sandbox.spec import MIB, SandboxSpec
from policyc.runtime.sandbox.trace_file import TraceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyc.runtime.sandbox.provider import Provider

ROUNDS, QUICK_ROUNDS = 100, 10
"""Of warm commands; a tenth as many of whole lives."""
COMMANDS = {
    "true": ["true"],
    "sh -c": ["sh", "-c", "echo here"],
    "python3 -c": ["python3", "-c", "print('here')"],
}


def providers() -> Iterator[tuple[str, Provider]]:
    """Those that work on this machine; why others do not is told."""
    for name in PREFERRED:
        try:
            provider = choose(name)
            provider.probe()
        except SandboxError as error:
            print(f"without {name}: {error}", file=sys.stderr)
        else:
            yield name, provider


@contextmanager
def sandbox_of(provider: Provider) -> Iterator[str]:
    name = f"policyc-sbx-bench{secrets.token_hex(8)}"
    provider.create(Creation(name, SandboxSpec(), "1@0/0", "none"))
    try:
        yield name
    finally:
        provider.remove(name)


def warm(found: Sequence[tuple[str, Provider]], rounds: int) -> Iterator[Row]:
    """Commands in a sandbox that runs, beside the same ones as plain subprocesses."""
    for title, argv in COMMANDS.items():
        contenders: dict[str, Callable[[], bytes]] = {"subprocess": lambda argv=argv: _plain(argv)}
        with _sandboxes(found) as sandboxes:
            for name, (provider, sandbox) in sandboxes.items():

                def in_sandbox(
                    provider: Provider = provider, sandbox: str = sandbox, argv: list[str] = argv
                ) -> bytes:
                    return run(provider, sandbox, argv, seconds=60, output=MIB).stdout

                contenders[name] = in_sandbox
            answers = {name: contender() for name, contender in contenders.items()}
            agree(title, **answers)
            times = _in_turns(contenders, rounds)
        yield _row(f"`{title}`, a plain subprocess", times["subprocess"])
        for name, _ in found:
            ratio = median(
                one / other for one, other in zip(times[name], times["subprocess"], strict=True)
            )
            note = f"x{ratio:.3g} of the subprocess"
            yield _row(f"`{title}`, a command in {name}", times[name], note)


@contextmanager
def _sandboxes(
    found: Sequence[tuple[str, Provider]],
) -> Iterator[dict[str, tuple[Provider, str]]]:
    if not found:
        yield {}
        return
    name, provider = found[0]
    with sandbox_of(provider) as sandbox, _sandboxes(found[1:]) as others:
        yield {name: (provider, sandbox), **others}


def _plain(argv: Sequence[str]) -> bytes:
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    return subprocess.run(argv, capture_output=True, check=True, env=environment).stdout


def _in_turns(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            times[name].append(_timed(contender))
    return times


def _timed(action: Callable[[], object]) -> float:
    start = perf_counter()
    action()
    return perf_counter() - start


def decisions(rounds: int) -> Iterator[Row]:
    """Decisions of the gate with nothing between them but the log and the trace: what deciding
    costs by itself. After a command the same work begins with cold caches, see `gated`."""
    times: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy = policyc.Policy.from_file("policy:coding-agent")
        audit = AuditLog(folder / "audit.jsonl")
        gate = Gate(
            policy, trace=TraceFile(folder / "trace.jsonl"), audit=audit, sandbox="benchmark"
        )
        for number in range(rounds + 1):
            call = gate.propose("bash", {"command": gated_command(number)})
            times.append(gate.seconds)
            gate.conclude(call, "nothing")
            times[-1] += gate.seconds
        gate.close()
    # Before the first the detectors are loaded.
    yield _row("both decisions of the gate, one pair after the other", times[1:])


GATED = ("ls -la", "cat notes.txt | head", "python3 -c 'print(1)'", "grep -rn word . ; echo hi")
"""Commands of a coding agent, each made another one by a comment."""


def gated_command(number: int) -> str:
    return f"{GATED[number % len(GATED)]}  # {number}"


def gated(name: str, provider: Provider, rounds: int) -> Iterator[Row]:
    """What the gate adds to a command: the decisions of `policy:coding-agent` on the command and on
    its output, and the writing of both into the log and the trace, on this machine's disk."""
    times: list[float] = []
    whole: list[float] = []
    bare: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, {"POLICYC_STATE_DIR": folder}),
        Sandbox(provider=provider) as box,
    ):
        for number in range(rounds + 1):
            command = gated_command(number)
            argv = ["bash", "-c", command]
            bare.append(
                _timed(lambda argv=argv: run(provider, box.id, argv, seconds=60, output=MIB))
            )
            whole.append(_timed(lambda command=command: box.exec(command)))
        for record in records(default_path()):
            if record["kind"] == "call":
                times.append(record["ms"] / 1e3)
            elif record["kind"] == "output":
                times[-1] += record["ms"] / 1e3
    # Before the first decision the detectors are loaded.
    del times[0], whole[0], bare[0]
    share = median(one / other for one, other in zip(times, bare, strict=True))
    yield _row(f"{name}: a command without the gate", bare)
    yield _row(
        f"{name}: both decisions about it, after the command before",
        times,
        f"{share:.2%} of the command",
    )
    added = [one - other for one, other in zip(whole, bare, strict=True)]
    yield _row(f"{name}: all that the gate adds, log and trace on the disk", added)


def lives(name: str, provider: Provider, rounds: int) -> Iterator[Row]:
    """The life of a sandbox, step by step."""
    steps: dict[str, list[float]] = {}

    def step(what: str, action: Callable[[], object]) -> None:
        steps.setdefault(what, []).append(_timed(action))

    for _ in range(rounds):
        sandbox = f"policyc-sbx-bench{secrets.token_hex(8)}"
        creation = Creation(sandbox, SandboxSpec(), "1@0/0", "none")
        step("made, with its protections looked at", lambda made=creation: provider.create(made))
        try:
            step(
                "the first command",
                lambda one=sandbox: run(provider, one, ["true"], seconds=60, output=MIB),
            )
            step("paused", lambda one=sandbox: provider.pause(one))
            step("resumed", lambda one=sandbox: provider.resume(one))
        finally:
            step("removed", lambda one=sandbox: provider.remove(one))
    steps["a whole life"] = [sum(one) for one in zip(*steps.values(), strict=True)]
    for what, times in steps.items():
        yield _row(f"{name}: {what}", times)


def _row(what: str, times: Sequence[float], note: str = "") -> Row:
    ninth = quantiles(times, n=10)[-1]
    shown = f"p90 {duration(ninth)}{f', {note}' if note else ''}"
    return Row(what, median(times) * 1e3, "ms", note=shown)


def sandboxes(setting: Setting) -> Iterator[Row]:
    """All of it."""
    rounds = QUICK_ROUNDS if setting.effort.is_quick else ROUNDS
    found = list(providers())
    yield from warm(found, rounds)
    yield from decisions(rounds)
    for name, provider in found:
        yield from gated(name, provider, rounds)
        yield from lives(name, provider, max(3, rounds // 10))
        provider.close()


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, for CI")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(given)
    rows = list(sandboxes(Setting(QUICK if options.quick else FULL)))
    if options.json:
        print(json.dumps({"sandbox": [row.to_dict() for row in rows]}, indent=1))
    else:
        print(as_text("Sandboxes", rows))


if __name__ == "__main__":
    main()
