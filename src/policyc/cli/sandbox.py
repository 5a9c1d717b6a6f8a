"""`policyc sandbox`: sandboxes that live on between commands, used through the gate only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from policyc.cli.exits import CLEAN, FOUND, Refusal, say_error, say_warning
from policyc.cli.run import (
    failing_as_sandbox,
    finish,
    made,
    print_result,
    read_input,
    say_refused,
    text_of,
)
from policyc.cli.sandbox_options import Asked, form_option, sandbox_options
from policyc.cli.sandbox_setup import build_image, mcp, selfcheck, serve
from policyc.cli.terminal import Terminal, color_option, json_text
from policyc.grammar.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyc.runtime.sandbox.info import SandboxInfo
    from policyc.runtime.sandbox.sandbox import Sandbox
    from policyc.runtime.sandbox.service import SandboxService

Command = TypeVar("Command", bound="Callable[..., Any]")


class _Ordered(click.Group):
    """A group that lists its commands in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Ordered)
def command() -> None:
    """Make sandboxes, and use them through the gate.

    A sandbox that is started lives on, with its policy and its trace, until it is removed or its
    time is up. Every use is judged by that policy, with what happened before.
    """


def _only_option(command: Command) -> Command:
    return click.option(
        "--provider", metavar="NAME", help="Only those of this provider. By default of all."
    )(command)


def _id_argument(command: Command) -> Command:
    return click.argument("sandbox", metavar="SANDBOX")(command)


# --- life -----------------------------------------------------------------------------------------


@command.command(short_help="Start a sandbox that lives on.")
@sandbox_options
@form_option
@color_option
def start(*, asked: Asked, form: str) -> None:
    """Start a sandbox that lives on, and print its name.

    Ends with 125 if it cannot be made.
    """
    with failing_as_sandbox(click.get_current_context()), made(asked, keep=True) as box:
        text = box.id if form == "text" else json_text(box.info.to_dict())
        Terminal.of(sys.stdout).write(text)


@command.command(short_help="List the sandboxes of this user.")
@_only_option
@form_option
@color_option
def ls(provider: str | None, form: str) -> None:
    """List the sandboxes of this user, the newest first."""
    with failing_as_sandbox(click.get_current_context()):
        found = _all(provider)
        terminal = Terminal.of(sys.stdout)
        if form == "json":
            terminal.write(json_text({"sandboxes": [one.to_dict() for one in found]}))
        elif not found:
            terminal.write("there is no sandbox")
        for one in found if form == "text" else []:
            left = max(0, round((one.deadline - datetime.now(UTC)).total_seconds()))
            name = terminal.styled(printable(one.id), "strong")
            terminal.write(f"{name}  {one.status.value:8}  {left} s left  {printable(one.image)}")


@command.command(short_help="Stop everything in a sandbox, in place.")
@_id_argument
def pause(sandbox: str) -> None:
    """Stop everything in a sandbox, in place, until `resume`."""
    with _attached(sandbox) as box:
        box.pause()


@command.command(short_help="Let a paused sandbox go on.")
@_id_argument
def resume(sandbox: str) -> None:
    """Let a paused sandbox go on."""
    with _attached(sandbox) as box:
        box.resume()


@command.command(short_help="End a sandbox, and keep its trace.")
@_id_argument
def stop(sandbox: str) -> None:
    """End a sandbox with everything in it. Its trace is kept until `rm`."""
    with _attached(sandbox) as box:
        box.stop()


@command.command(short_help="Remove sandboxes, with their traces.")
@click.argument("sandboxes", nargs=-1, metavar="SANDBOX...")
@click.option("--all", "everything", is_flag=True, help="All sandboxes of this user.")
@_only_option
def rm(sandboxes: tuple[str, ...], everything: bool, provider: str | None) -> None:
    """Remove sandboxes, with their traces. The audit log stays.

    Ends with 1 if one was not there.
    """
    if everything == bool(sandboxes):
        raise Refusal("which sandboxes? name them, or say `--all`")
    from policyc.runtime.sandbox.sandbox import remove  # noqa: PLC0415  # by need

    context = click.get_current_context()
    with failing_as_sandbox(context):
        names = [one.id for one in _all(provider)] if everything else sandboxes
        absent = [name for name in names if not remove(name)]
    for name in absent:
        say_error(f"there is no sandbox `{name}`")
    context.exit(FOUND if absent else CLEAN)


@command.command(short_help="Remove sandboxes that nobody owns any more.")
@_only_option
def sweep(provider: str | None) -> None:
    """Remove sandboxes whose program was killed, whose time is up, or that were idle for too long.

    Every start of a sandbox does it too.
    """
    with failing_as_sandbox(click.get_current_context()):
        terminal = Terminal.of(sys.stdout)
        for service in _services(provider):
            for one in service.sweep():
                terminal.write(f"removed {one.sandbox}: {one.reason}")


# --- use ------------------------------------------------------------------------------------------


@command.command(
    "exec",
    short_help="Run a command in a sandbox.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@_id_argument
@click.option("-i", "--stdin", "passes_input", is_flag=True, help="Pass standard input on.")
@click.option("--cwd", metavar="FOLDER", help="Where the command runs; by default /ws.")
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True))
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND...")
def exec_(
    *,
    sandbox: str,
    passes_input: bool,
    cwd: str | None,
    timeout: float | None,
    words: tuple[str, ...],
) -> None:
    """Run a command in a sandbox, judged before and after. Ends as `policyc run` does."""
    text = text_of(words)
    stdin = read_input() if passes_input else b""
    with _attached(sandbox) as box:
        result = box.exec(text, stdin=stdin, cwd=cwd, seconds=timeout)
        print_result(result)
        click.get_current_context().exit(finish(result))


@command.command(short_help="Type commands for a sandbox.")
@_id_argument
@color_option
def shell(sandbox: str) -> None:
    """Type commands for a sandbox: a shell that keeps its folder and variables.

    Each line is judged before it runs, and its output before it is printed. Ctrl-D ends it.
    """
    from policyc.runtime.sandbox.gate import Refused  # noqa: PLC0415  # by need

    with _attached(sandbox) as box:
        is_terminal = sys.stdin.isatty()
        while True:
            if is_terminal:
                click.echo(f"{sandbox[:16]}$ ", nl=False, err=True)
            line = sys.stdin.readline()
            if not line:
                return
            if not line.strip():
                continue
            try:
                print_result(box.shell(line))
            except Refused as refused:
                say_refused(refused)


@command.command(short_help="Copy files into a sandbox, or out of it.")
@click.argument("source")
@click.argument("target")
def cp(source: str, target: str) -> None:
    """Copy a file or folder into a folder of a sandbox, or out of it to a path that is free.

    \b
      policyc sandbox cp src SANDBOX:project
      policyc sandbox cp SANDBOX:project/out.txt out.txt

    Links are not followed. What was left out is told on standard error.
    """
    into, outof = _place(target), _place(source)
    if (into is None) == (outof is None):
        raise Refusal("one of the two places must be in a sandbox: write it as `SANDBOX:PATH`")
    sandbox, path = into or outof or ("", "")
    with _attached(sandbox) as box:
        skipped = box.upload(source, path) if into else box.download(path, target)
        for one in skipped:
            say_warning(f"left out: {one}")


def _place(text: str) -> tuple[str, str] | None:
    name, colon, path = text.partition(":")
    is_place = colon and "/" not in name
    return (name, path or ".") if is_place else None


# --- what happened --------------------------------------------------------------------------------


@command.command(short_help="Print the trace of a sandbox.")
@_id_argument
@click.option("--happened", is_flag=True, help="Without calls that were refused.")
def trace(sandbox: str, happened: bool) -> None:
    """Print the trace of a sandbox as JSON, for `policyc eval`.

    Calls that were refused are in it, with what the agent was told.
    """
    from policyc.runtime.sandbox.sandbox import trace_of  # noqa: PLC0415  # by need

    with failing_as_sandbox(click.get_current_context()):
        found = trace_of(sandbox)
        Terminal.of(sys.stdout).write(json_text(found.past if happened else found.all))


@command.command(short_help="Print what was decided about a sandbox.")
@_id_argument
@click.option("--refused", is_flag=True, help="Only what was refused or withheld.")
@click.pass_context
def logs(context: click.Context, sandbox: str, refused: bool) -> None:
    """Print the records of the audit log that are about a sandbox, one line of JSON each."""
    from policyc.cli.audit import show  # noqa: PLC0415  # by need

    context.invoke(show, file=None, sandbox=sandbox, refused=refused, lines=None)


@command.command(short_help="Show what a sandbox uses.")
@_id_argument
@form_option
@color_option
def stats(sandbox: str, form: str) -> None:
    """Show the memory, the processes and the time that a sandbox uses."""
    with _attached(sandbox) as box:
        usage = box.usage()
        row = {
            "memory": usage.memory,
            "processes": usage.processes,
            "cpu_seconds": usage.cpu_seconds,
        }
        terminal = Terminal.of(sys.stdout)
        if form == "json":
            terminal.write(json_text(row))
            return
        for name, value in row.items():
            shown = (
                "not known" if value is None else f"{value:g}" if name == "cpu_seconds" else value
            )
            terminal.write(f"{name:12} {shown}")


for _one in (build_image, selfcheck, mcp, serve):
    command.add_command(_one)


# --- parts ----------------------------------------------------------------------------------------


@contextmanager
def _attached(sandbox: str) -> Iterator[Sandbox]:
    from policyc.runtime.sandbox.sandbox import Sandbox  # noqa: PLC0415  # by need

    with failing_as_sandbox(click.get_current_context()), Sandbox.attach(sandbox) as box:
        yield box


def _services(provider: str | None) -> list[SandboxService]:
    """That of a provider, or those of all that work on this machine."""
    from policyc.runtime.sandbox.registry import choose, working  # noqa: PLC0415  # by need
    from policyc.runtime.sandbox.service import SandboxService  # noqa: PLC0415

    return [SandboxService(one) for one in ([choose(provider)] if provider else working())]


def _all(provider: str | None) -> list[SandboxInfo]:
    found: list[SandboxInfo] = []
    for service in _services(provider):
        page = service.search()
        found += page.items
        while page.next_page_id is not None:
            page = service.search(page.next_page_id)
            found += page.items
    return found
