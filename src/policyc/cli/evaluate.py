"""`policyc eval`: the verdict of a policy on traces."""

from __future__ import annotations

import sys
from functools import partial
from typing import IO

import click

from policyc.cli import exits
from policyc.cli.judging import Tally, as_json, as_text, judge_all
from policyc.cli.loading import load_policy, refuse_misuse
from policyc.cli.options import backend_option, input_format_option, parameter_options
from policyc.cli.parameters import read_parameters
from policyc.cli.progress import Progress
from policyc.cli.terminal import Terminal, color_option
from policyc.cli.wording import counted


@click.command(no_args_is_help=True)
@click.argument("policy", type=click.Path())
@click.argument("traces", metavar="TRACE...", nargs=-1, required=True, type=click.Path())
@click.option("-p", "--policy", "more", metavar="POLICY", multiple=True, help="A further policy.")
@parameter_options
@input_format_option
@backend_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print the verdicts: for people, or as JSON.",
)
@color_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    policy: str,
    traces: tuple[str, ...],
    more: tuple[str, ...],
    options: tuple[str, ...],
    params_file: IO[str] | None,
    input_format: str,
    backend: str | None,
    form: str,
) -> None:
    """Judge traces with a policy.

    POLICY is a policy file, a folder (every policy below it), policy:NAME for a bundled policy, or
    - for standard input. All arguments after it are traces: files of JSON or JSON Lines, folders of
    them, or - for standard input.

    With --format json one trace gives one object. Several traces, which is several arguments, a
    folder, or a file with a trace on each line, give one object a line, each with its "trace".

    Ends with 0 if nothing was found; with 1 if a rule reports a violation or fails; with 2 if the
    policy or a trace cannot be used; with 3 if a backend gives no verdict.
    """
    refuse_misuse([policy, *more], traces)
    parameters = read_parameters(options, params_file)
    compiled = load_policy([policy, *more], parameters, backend)
    tally = Tally()
    terminal = Terminal.of(sys.stdout)
    show = as_json if form == "json" else partial(as_text, terminal=terminal)
    with Progress(traces) as progress:
        for verdict in judge_all(compiled, parameters, traces, input_format, tally):
            text = show(verdict, tally)
            if text or verdict.problem:
                progress.clear()
            if verdict.problem:
                exits.say_error(f"`{verdict.name}` is no trace: {verdict.problem}")
            if text:
                terminal.write(text)
            progress.step()
    if form == "text" and tally.is_many:
        _say_summary(tally)
    if tally.unreadable:
        ctx.exit(exits.BAD_INPUT)
    ctx.exit(exits.FOUND if tally.blocked else exits.CLEAN)


def _say_summary(tally: Tally) -> None:
    terminal = Terminal.of(sys.stderr)
    parts = [counted(tally.traces, "trace")]
    if tally.blocked:
        blocked = f"{tally.blocked:,} blocked by {counted(tally.violations, 'violation')}"
        if tally.failures:
            blocked += f" and {counted(tally.failures, 'failed rule')}"
        parts.append(terminal.styled(blocked, "error"))
    if tally.traces > tally.blocked:
        parts.append(terminal.styled(f"{tally.traces - tally.blocked:,} clean", "good"))
    if tally.unreadable:
        parts.append(terminal.styled(f"{tally.unreadable:,} unreadable", "error"))
    terminal.write(", ".join(parts))
