"""`policyc plan`: what a policy is compiled to."""

from __future__ import annotations

import sys

import click

from policyc.cli.inputs import policy_paths, read_policy
from policyc.cli.terminal import Terminal, color_option
from policyc.grammar.printable import printable


@click.command(no_args_is_help=True)
@click.argument("policy", type=click.Path())
@click.option("--python", is_flag=True, help="Show the generated Python code instead.")
@color_option
def command(policy: str, *, python: bool) -> None:
    """Show what a policy is compiled to: the plan of each rule, step by step.

    POLICY is a policy file, a folder, policy:NAME, or - for standard input. In a plan, for starts a
    loop over a variable, let names a value, and if goes on only where its condition holds.
    """
    from policyc.compiler.codegen import generate  # noqa: PLC0415  # slow to load
    from policyc.compiler.pipeline import compile_sources  # noqa: PLC0415
    from policyc.compiler.plan_text import plan_text  # noqa: PLC0415
    from policyc.runtime.extensions import catalogue  # noqa: PLC0415

    sources = [read_policy(path) for path in policy_paths([policy])]
    plan = compile_sources(sources, catalogue()).require()
    text = generate(plan).source if python else plan_text(plan)
    terminal = Terminal.of(sys.stdout)
    for line in text.splitlines():
        terminal.write(printable(line))
