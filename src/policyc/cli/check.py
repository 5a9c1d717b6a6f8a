"""`policyc check`: the diagnostics of policies."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from policyc.cli import exits
from policyc.cli.inputs import policy_paths, read_policy
from policyc.cli.terminal import Terminal, color_option, json_text
from policyc.cli.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.grammar.diagnostics import Diagnostic


@click.command(no_args_is_help=True)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="How to print the diagnostics: for people, as JSON, as SARIF, or as GitHub annotations.",
)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@color_option
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...], form: str, *, strict: bool) -> None:
    """Say what is wrong with policies.

    PATH is a policy file, a folder (every .inv, .gr, .iv and .policy file below it), policy:NAME
    for a bundled policy, or - for standard input.

    Ends with 0 if no policy has errors, else with 2.
    """
    files = policy_paths(paths)
    diagnostics = [found for path in files for found in _check(path)]
    errors = sum(found.severity == "error" for found in diagnostics)
    warnings = len(diagnostics) - errors
    is_ok = errors == 0 and not (strict and warnings)
    terminal = Terminal.of(sys.stdout)
    text = _render(diagnostics, form, terminal, is_ok=is_ok)
    if text:
        terminal.write(text.rstrip("\n"))
    if form == "text":
        _say_summary(len(files), errors, warnings)
    ctx.exit(exits.CLEAN if is_ok else exits.BAD_INPUT)


def _check(path: str) -> Sequence[Diagnostic]:
    from policyc.compiler.frontend import check_source  # noqa: PLC0415  # slow to load
    from policyc.grammar.diagnostics import PolicyError  # noqa: PLC0415
    from policyc.runtime.extensions import catalogue  # noqa: PLC0415

    try:
        source = read_policy(path)
    except PolicyError as error:
        return error.diagnostics
    return check_source(source, catalogue()).diagnostics


def _render(
    diagnostics: Sequence[Diagnostic], form: str, terminal: Terminal, *, is_ok: bool
) -> str:
    from policyc.grammar import rendering  # noqa: PLC0415  # slow to load

    if form == "json":
        return json_text(rendering.render_json(diagnostics) | {"ok": is_ok})
    if form == "sarif":
        return json_text(rendering.render_sarif(diagnostics))
    if form == "github":
        return rendering.render_github(diagnostics)
    return rendering.render_text(diagnostics, color=terminal.color, width=terminal.width)


def _say_summary(files: int, errors: int, warnings: int) -> None:
    terminal = Terminal.of(sys.stderr)
    found = []
    if errors:
        found.append(terminal.styled(counted(errors, "error"), "error"))
    if warnings:
        found.append(terminal.styled(counted(warnings, "warning"), "warning"))
    what = " and ".join(found) or terminal.styled("no problems", "good")
    terminal.write(f"{what} in {counted(files, 'policy', 'policies')}")
