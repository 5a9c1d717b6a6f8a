"""`policyc replay`: which recorded decisions are others with a changed policy."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

import click

from policyc.cli import exits
from policyc.cli.exits import Refusal
from policyc.cli.inputs import parts_of
from policyc.cli.loading import load_policies, refuse_misuse
from policyc.cli.options import input_format_option, parameter_options, workers_option
from policyc.cli.parameters import read_parameters
from policyc.cli.progress import Progress
from policyc.cli.terminal import Terminal, color_option, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.runtime.replay.judging import Replay, TraceFlip, Unreadable
    from policyc.runtime.traces import Part


@click.command(no_args_is_help=True)
@click.argument("traces", metavar="TRACE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--old", metavar="POLICY", multiple=True, required=True, help="A policy as it was; repeatable."
)
@click.option(
    "--new", metavar="POLICY", multiple=True, required=True, help="A policy as it is; repeatable."
)
@parameter_options
@input_format_option
@click.option(
    "--stream",
    is_flag=True,
    help="Judge each event as it came, as a gate does, not each trace as a whole.",
)
@click.option(
    "--why", is_flag=True, help="Say of each example which condition made the difference."
)
@click.option(
    "--max-examples",
    metavar="N",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Traces shown for each change of a rule.",
)
@click.option("--exit-code", is_flag=True, help="End with 1 if a decision flips.")
@workers_option("Processes that judge", "auto")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print the flips: for people, or as JSON Lines.",
)
@color_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    traces: tuple[str, ...],
    old: tuple[str, ...],
    new: tuple[str, ...],
    options: tuple[str, ...],
    params_file: IO[str] | None,
    input_format: str,
    stream: bool,
    why: bool,
    max_examples: int,
    exit_code: bool,
    workers: int,
    form: str,
) -> None:
    """Show which recorded decisions a changed policy flips, by rule.

    Each trace is judged with the old policy and with the new one. A rule flips on a trace if it
    newly fires or no longer does, if it fires with other places, values or another risk, or if it
    newly fails or no longer does. Rules are compared by name; added, removed and renamed ones are
    shown as such.

    POLICY is a policy file, a folder (every policy below it), policy:NAME for a bundled policy, or
    - for standard input. TRACE is a file of JSON or JSON Lines, a folder of them, or - for standard
    input; JSON Lines with a trace on each line may be larger than memory.

    With --format json there is an object a line for each trace that flips or cannot be read, and
    at the end one with the sums and the rules.

    Ends with 0; with --exit-code with 1 if a decision flips; with 2 if a policy or a trace cannot
    be used; with 3 if a process that judges dies.
    """
    refuse_misuse([*old, *new], traces, "--new")
    parameters = read_parameters(options, params_file)
    if why and "rule" in parameters:
        raise Refusal("with `--why` no parameter can be named `rule`: it chooses the rule there")
    replay = _replay(old, new, parameters, input_format, stream)
    from policyc.runtime.parallel import in_order  # noqa: PLC0415  # slow to load
    from policyc.runtime.replay.tally import Tally  # noqa: PLC0415
    from policyc.runtime.trace_chunks import chunks_of  # noqa: PLC0415

    tally = Tally(replay, max_examples, with_reasons=why)
    terminal = Terminal.of(sys.stdout)
    answers = in_order(replay, chunks_of(_parts(traces)), workers)
    with Progress(traces) as progress, closing(answers):
        for chunk, judged in answers:
            tally.add(chunk, judged)
            if judged.found:
                progress.clear()
            for found in judged.found:
                _tell(found, replay, terminal if form == "json" else None)
            progress.step(judged.traces)
    if form == "json":
        terminal.write(json_text(tally.to_dict(), indent=None))
    else:
        from policyc.cli.replay_report import report  # noqa: PLC0415

        for line in report(tally, terminal):
            terminal.write(line)
    if tally.unreadable:
        ctx.exit(exits.BAD_INPUT)
    ctx.exit(exits.FOUND if exit_code and tally.flipped else exits.CLEAN)


def _replay(
    old: Sequence[str],
    new: Sequence[str],
    parameters: dict[str, Any],
    input_format: str,
    stream: bool,
) -> Replay:
    before, now = load_policies([old, new], parameters)
    from policyc.runtime.replay.judging import Replay  # noqa: PLC0415  # after the arguments

    return Replay.of(before, now, parameters, input_format, stream=stream)


def _parts(arguments: Sequence[str]) -> Iterator[Part]:
    """The parts of the corpus that the arguments are together.

    Raises:
        Refusal: an argument has no traces.
    """
    for argument in arguments:
        is_empty = True
        for part in parts_of(argument):
            is_empty = False
            yield part
        if is_empty:
            raise Refusal(f"there are no traces in `{argument}`")


def _tell(found: TraceFlip | Unreadable, replay: Replay, terminal: Terminal | None) -> None:
    """Say what cannot be read; where there is a terminal for it, write the line on a trace."""
    from policyc.runtime.replay.judging import Unreadable  # noqa: PLC0415

    if isinstance(found, Unreadable):
        exits.say_error(f"`{found.name}` is no trace: {found.problem}")
        line = found.to_dict()
    else:
        line = found.to_dict(replay.pairs)
    if terminal is not None:
        terminal.write(json_text(line, indent=None))
