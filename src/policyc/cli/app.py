"""The program: its table of commands, and what becomes of every way in which one can end.

A command is imported when it is run or asked for help, so that each pays only for what it uses. It
ends by returning, by `ctx.exit(code)`, or by an exception, which becomes a message and an exit code
here and nowhere else.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from policyc import __version__
from policyc.cli import exits
from policyc.cli.terminal import color_option

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("policyc.cli.check", "Say what is wrong with policies."),
    "eval": ("policyc.cli.evaluate", "Judge traces with a policy."),
    "replay": ("policyc.cli.replay", "Show which recorded decisions a changed policy flips."),
    "why": ("policyc.cli.why", "Explain why rules fired on a trace, or did not."),
    "test": ("policyc.cli.test", "Run the cases of policies."),
    "fmt": ("policyc.cli.fmt", "Write policies in the canonical form."),
    "explain": ("policyc.cli.explain", "Explain a diagnostic code."),
    "ast": ("policyc.cli.tree", "Show the syntax tree of a policy."),
    "plan": ("policyc.cli.plan", "Show what a policy is compiled to."),
    "run": ("policyc.cli.run", "Run a command in a sandbox of its own."),
    "sandbox": ("policyc.cli.sandbox", "Make sandboxes, and use them through the gate."),
    "audit": ("policyc.cli.audit", "Look at the log of what sandboxes were allowed."),
    "serve": ("policyc.cli.serve", "Serve policies over HTTP."),
    "container": ("policyc.cli.container", "Run the server in a container."),
    "doctor": ("policyc.cli.doctor", "Find out what is wrong with this machine's set-up."),
    "policies": ("policyc.cli.policies", "List the bundled policies."),
    "detectors": ("policyc.cli.detectors", "List the detectors that policies can use."),
    "completion": ("policyc.cli.completion", "Print the completion script of a shell."),
}
"""Each command: the module that has it as `command`, and its line in the list of commands."""


class Program(click.Group):
    """A group that loads its commands by need and ends the process by the project's exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from policyc.compiler.spelling import did_you_mean  # noqa: PLC0415  # seldom needed

            hint = did_you_mean(name, COMMANDS)
            ctx.fail(f"there is no command `{name}`{f'; {hint}' if hint else ''}")
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]  # always ends the process
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **extra: Any,
    ) -> NoReturn:
        exits.accept_any_text()
        extra["standalone_mode"] = False
        try:
            outcome = super().main(args, prog_name, **extra)
            sys.stdout.flush()
        except Exception as error:  # whatever it is, nobody wants to see a traceback
            code = exits.report(error)
        else:
            code = outcome if isinstance(outcome, int) else exits.CLEAN
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Before click sees it: it would end the process with the code for violations.
            raise exits.ReaderGone from None


@click.group("policyc", cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="policyc %(version)s")
@color_option
def root() -> None:
    """Guardrails for AI agents: check policies, test them, and judge traces with them.

    Exit codes: 0 clean; 1 violations, cases that do not hold, or files that are not formatted; 2 a
    bad policy, trace, case file or use of the program; 3 a fault of policyc itself.
    """
