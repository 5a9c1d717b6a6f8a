"""`policyc fmt`: policies in their canonical form."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from policyc.cli import exits
from policyc.cli.inputs import BUNDLED, STDIN, policy_paths, read_policy
from policyc.cli.terminal import Style, Terminal, color_option
from policyc.cli.wording import counted
from policyc.grammar.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Formatted:
    """A policy before and after."""

    path: str
    before: str
    after: str

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


@click.command(no_args_is_help=True)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--check", is_flag=True, help="Change nothing; list the files that are not formatted."
)
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
@color_option
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...], *, check: bool, diff: bool) -> None:
    """Write policies in the canonical form.

    PATH is a policy file or a folder (every .inv, .gr, .iv and .policy file below it); files are
    changed in place. With - the policy is read from standard input and written to standard output.

    Ends with 0; with 1 if --check or --diff finds a file that is not formatted; with 2 if a policy
    cannot be read. A policy with syntax errors is left as it is.
    """
    bundled = next((path for path in paths if path.startswith(BUNDLED)), None)
    if bundled is not None:
        raise exits.Refusal(f"`{bundled}` is a bundled policy, it cannot be changed")
    files = policy_paths(paths)
    results = [result for path in files if (result := _format(path)) is not None]
    changed = [result for result in results if result.is_changed]
    if diff or check:
        _show(changed, Terminal.of(sys.stdout), in_full=diff)
    else:
        _write(results)
    failed = len(files) - len(results)
    if diff or check or STDIN not in files:
        _say_summary(len(results) - len(changed), len(changed), failed, is_dry=diff or check)
    if failed:
        ctx.exit(exits.BAD_INPUT)
    ctx.exit(exits.FOUND if changed and (diff or check) else exits.CLEAN)


def _format(path: str) -> Formatted | None:
    """The policy in both forms; None where it has errors, which are told."""
    from policyc.grammar.diagnostics import PolicyError  # noqa: PLC0415  # slow to load
    from policyc.grammar.formatter import format_source  # noqa: PLC0415

    try:
        source = read_policy(path)
        return Formatted(path, source.text, format_source(source))
    except PolicyError as error:
        exits.report(error)
        return None


def _show(changed: list[Formatted], terminal: Terminal, *, in_full: bool) -> None:
    for result in changed:
        if in_full:
            for line in _difference(result, terminal):
                terminal.write(line)
        else:
            terminal.write(printable(result.path))


def _difference(result: Formatted, terminal: Terminal) -> Iterator[str]:
    import difflib  # noqa: PLC0415  # slow to load

    styles: dict[str, Style] = {"+": "good", "-": "removed", "@": "place"}
    lines = difflib.unified_diff(
        result.before.splitlines(),
        result.after.splitlines(),
        result.path,
        f"{result.path} (formatted)",
        lineterm="",
    )
    for line in lines:
        style = styles.get(line[:1])
        text = printable(line)
        yield terminal.styled(text, style) if style else text


def _write(results: list[Formatted]) -> None:
    for result in results:
        if result.path == STDIN:
            click.echo(result.after, nl=False)
        elif result.is_changed:
            Path(result.path).write_text(result.after, "utf-8", newline="\n")


def _say_summary(same: int, changed: int, failed: int, *, is_dry: bool) -> None:
    outcomes = (
        (changed, "not formatted" if is_dry else "changed"),
        (same, "formatted" if is_dry else "left as is"),
        (failed, "with errors"),
    )
    parts = [f"{counted(n, 'policy', 'policies')} {what}" for n, what in outcomes if n]
    Terminal.of(sys.stderr).write(", ".join(parts))
