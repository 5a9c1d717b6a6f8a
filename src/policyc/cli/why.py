"""`policyc why`: why the rules of a policy fired on a trace, or did not."""

from __future__ import annotations

import sys
from typing import IO, Any

import click

from policyc.cli.drawing import show_tree
from policyc.cli.exits import Refusal
from policyc.cli.inputs import STDIN, STDIN_NAME
from policyc.cli.loading import load_policy, refuse_misuse
from policyc.cli.options import input_format_option, parameter_options
from policyc.cli.parameters import read_parameters
from policyc.cli.terminal import Terminal, color_option, json_text


@click.command(no_args_is_help=True)
@click.argument("policy", type=click.Path())
@click.argument("trace", type=click.Path())
@click.option("-p", "--policy", "more", metavar="POLICY", multiple=True, help="A further policy.")
@click.option(
    "--rule",
    metavar="RULE",
    help="Only this rule: its name or a part of it, its number from 1, or a line of it as :12.",
)
@parameter_options
@input_format_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print the explanation: for people, or as JSON.",
)
@color_option
def command(
    *,
    policy: str,
    trace: str,
    more: tuple[str, ...],
    rule: str | None,
    options: tuple[str, ...],
    params_file: IO[str] | None,
    input_format: str,
    form: str,
) -> None:
    """Explain why rules fired on a trace, or did not.

    For a rule that fired: the objects that its variables stand for, and its conditions with the
    pieces of the trace that they found. For one that did not: the objects that came nearest to
    it, and the condition that was in the way, with the values that it saw; then how many candidates
    each condition let pass. For one that failed: the step that has no value.

    POLICY is a policy file, a folder (every policy below it), policy:NAME for a bundled policy, or
    - for standard input. TRACE is a file with one trace, or - for standard input.

    Ends with 0, whatever the rules did; with 2 if the policy, the trace or the rule cannot be used.
    """
    refuse_misuse([policy, *more], [trace])
    parameters = read_parameters(options, params_file)
    if "rule" in parameters:
        raise Refusal("a parameter cannot be named `rule` here: `--rule` chooses the rule")
    compiled = load_policy([policy, *more], parameters)
    from policyc.runtime.traces import TraceError, problem_of  # noqa: PLC0415  # the policy is known

    try:
        explanation = compiled.why(_read_one(trace, input_format), rule, **parameters)
    except TraceError as error:
        name = STDIN_NAME if trace == STDIN else trace
        raise Refusal(f"`{name}` is no trace: {problem_of(name, error)}") from None
    terminal = Terminal.of(sys.stdout)
    if form == "json":
        terminal.write(json_text(explanation.to_dict()))
        return
    if not explanation.rules:
        terminal.write(str(explanation))
    for number, found in enumerate(explanation.rules):
        if number:
            terminal.write("")
        show_tree(found.tree(), terminal)


def _read_one(argument: str, input_format: str) -> list[dict[str, Any]]:
    """The events of the one trace that an argument means."""
    from policyc.runtime.traces import read_corpus  # noqa: PLC0415  # after the policy is known

    source = sys.stdin.buffer if argument == STDIN else argument
    corpus = read_corpus(source, input_format)
    found = next(corpus, None)
    if found is None:
        raise Refusal(f"there are no traces in `{argument}`")
    if next(corpus, None) is not None:
        raise Refusal(
            f"`{argument}` holds several traces, and one can be explained at a time",
            "write the trace in question to a file of its own",
        )
    return found[1]
