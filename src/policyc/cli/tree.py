"""`policyc ast`: the syntax tree of a policy."""

from __future__ import annotations

import sys

import click

from policyc.cli.inputs import read_policy
from policyc.cli.terminal import Terminal, color_option


@click.command(no_args_is_help=True)
@click.argument("file", type=click.Path())
@color_option
def command(file: str) -> None:
    """Show the syntax tree of a policy.

    FILE is a policy file, policy:NAME, or - for standard input.
    """
    from policyc.grammar.diagnostics import PolicyError, Severity  # noqa: PLC0415  # slow to load
    from policyc.grammar.dump import dump  # noqa: PLC0415
    from policyc.grammar.parser import parse  # noqa: PLC0415

    parsed = parse(read_policy(file))
    if any(found.severity is Severity.ERROR for found in parsed.diagnostics):
        raise PolicyError(parsed.diagnostics)
    Terminal.of(sys.stdout).write(dump(parsed.tree))
