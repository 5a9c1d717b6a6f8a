"""`policyc test --snapshot`: the verdicts on a corpus of traces, and what has changed in them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policyc.cli import exits
from policyc.cli.exits import Refusal
from policyc.cli.inputs import STDIN
from policyc.cli.loading import load_policy, refuse_misuse
from policyc.cli.progress import Progress
from policyc.cli.strength import written
from policyc.cli.terminal import WIDTH_OF_A_FILE, Terminal, json_text
from policyc.runtime.testing.snapshots import SnapshotStatus, compare, has_snapshots, record

if TYPE_CHECKING:
    from policyc.cli.testing import Output
    from policyc.runtime.testing.snapshots import SnapshotReport

_FORMS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Snapshots:
    """What is asked for: where the snapshots are, of which traces, with which `input.*` values.
    `updates`: what is new or has changed is recorded."""

    folder: str
    traces: tuple[str, ...]
    parameters: dict[str, Any]
    input_format: str
    updates: bool
    workers: int


def run_snapshots(policies: tuple[str, ...], asked: Snapshots, output: Output) -> int:
    """Compare or record, print what was found, and write the reports; the exit code.

    Where there are no snapshots at all they are recorded, except where the variable CI is set: what
    is recorded there is lost.

    Raises:
        PolicycError: a policy has errors, or there are no traces.
        Refusal: an argument leads nowhere, or a form of a report is not for snapshots.
    """
    for form in (output.form, *(form for form, _ in output.reports)):
        if form not in _FORMS:
            raise Refusal(
                f"there is no report of snapshots in the form {form}",
                f"the forms are {' and '.join(_FORMS)}",
            )
    if not asked.traces and not os.path.isdir(asked.folder):
        raise Refusal(
            f"there is no folder `{asked.folder}`",
            "put traces into it, or say where they are with --traces",
        )
    traces = asked.traces or (asked.folder,)
    if STDIN in traces:
        raise Refusal("a trace needs a name for its snapshot, and standard input has none")
    refuse_misuse(policies, traces, "PATH")
    policy = load_policy(policies, asked.parameters)
    is_first = not has_snapshots(asked.folder) and not os.environ.get("CI")
    run = record if asked.updates or is_first else compare
    with Progress(traces) as progress:
        report = run(
            policy,
            list(traces),
            asked.folder,
            asked.parameters,
            input_format=asked.input_format,
            workers=asked.workers,
            on_progress=progress.step,
        )
    _write(report, output.form, Terminal.of(sys.stdout))
    for form, path in output.reports:
        if path == STDIN:
            _write(report, form, Terminal.of(sys.stdout))
            continue
        with written(path) as file:
            _write(report, form, Terminal(file, color=False, width=WIDTH_OF_A_FILE))
    if report.counts[SnapshotStatus.UNREADABLE]:
        return exits.BAD_INPUT
    if report.passed:
        return exits.CLEAN
    exits.say_error(
        "the verdicts are not those of the snapshots",
        "if they are as they should be, record them with --update",
    )
    return exits.FOUND


def _write(report: SnapshotReport, form: str, terminal: Terminal) -> None:
    if form == "json":
        terminal.write(json_text(report.to_dict()))
        return
    for line in str(report).splitlines():
        if line.startswith("    +"):
            line = terminal.styled(line, "good")
        elif line.startswith("    -"):
            line = terminal.styled(line, "removed")
        terminal.write(line)
    if report.is_recorded:
        terminal.write("the snapshots are written")
