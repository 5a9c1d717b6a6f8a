"""`policyc container`: the server in a container, by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from policyc.cli.exits import CLEAN, FOUND, say_error
from policyc.cli.progress import Progress
from policyc.cli.terminal import Terminal, color_option, json_text
from policyc.grammar.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.containers.status import Status

Command = TypeVar("Command", bound="Callable[..., Any]")

_MIB = 1024 * 1024


class _Ordered(click.Group):
    """A group that lists its commands in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Ordered)
def command() -> None:
    """Run the server in a container: the one that the backend `container` asks.

    A program that says backend="container" starts it by itself, and its last user stops it. These
    commands are for what comes before and after: the image has to be built once, and a container
    that was started with `up` runs on until `down`.

    Each user has a container of his own for each image. It has no rights, cannot write, and is
    published to this machine only, at a port that the engine chooses.
    """


def _form_option(command: Command) -> Command:
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        help="How to print the result: for people, or as JSON.",
    )(command)


def _image_option(command: Command) -> Command:
    return click.option(
        "--image",
        metavar="TAG",
        help="The container of this image, not of the one that `build` makes.",
    )(command)


@command.command(short_help="Build the image of this version.")
@click.option("--again", is_flag=True, help="Make it also if it is there and up to date.")
@_form_option
@color_option
def build(again: bool, form: str) -> None:
    """Build the image of this version.

    It is made without a registry, from Debian packages of this machine and the packages that
    policyc runs with here (policyc[server,powershell]). On other systems build the Dockerfile of
    the repository.

    Ends with 3 if it cannot be built or the engine fails.
    """
    from policyc.runtime.containers.image import build as build_image  # noqa: PLC0415  # by need

    with Progress() as progress:
        built = build_image(progress.count, again=again)
    terminal = Terminal.of(sys.stdout)
    if form == "json":
        row = {"image": built.tag, "id": built.id, "size": built.size, "built": built.is_new}
        terminal.write(json_text(row))
        return
    what = "built" if built.is_new else "up to date:"
    terminal.write(f"{what} {built.tag}, {built.size / _MIB:.0f} MiB")


@command.command(short_help="Start the container, and let it run until `down`.")
@_image_option
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="The time that the server may take to answer.",
)
@_form_option
@color_option
def up(image: str | None, timeout: float, form: str) -> None:
    """Start the container, and let it run until `down`.

    Prints where it answers. One that runs already is left as it is, unless its image was built
    anew and nobody uses it.

    Ends with 3 if it cannot be started or the engine fails.
    """
    from policyc.runtime.containers.lifecycle import SharedContainer  # noqa: PLC0415  # by need
    from policyc.runtime.containers.spec import Spec  # noqa: PLC0415

    spec = Spec.of(image)
    if sys.stderr.isatty():
        Terminal.of(sys.stderr).write(f"starting {spec.name} ...")
    running = SharedContainer(spec, keep_alive=True).start(seconds=timeout)
    terminal = Terminal.of(sys.stdout)
    if form == "json":
        row = {"name": spec.name, "image": spec.image, "id": running.id, "url": running.url}
        terminal.write(json_text(row))
        return
    terminal.write(f"{spec.name} answers at {running.url}")


@command.command(short_help="Show this user's containers.")
@_image_option
@_form_option
@color_option
def status(image: str | None, form: str) -> None:
    """Show this user's containers: their state, where they answer, and who uses them.

    Ends with 0 if there is one and all answer, with 1 otherwise, and with 3 if the engine fails.
    """
    from policyc.runtime.containers.status import statuses  # noqa: PLC0415  # by need

    rows = statuses(image)
    terminal = Terminal.of(sys.stdout)
    if form == "json":
        terminal.write(json_text({"containers": [row.to_dict() for row in rows]}))
    elif not rows:
        terminal.write("there is no container")
    else:
        for row in rows:
            _print_status(row, terminal)
    context = click.get_current_context()
    context.exit(CLEAN if rows and all(row.ready for row in rows) else FOUND)


def _print_status(row: Status, terminal: Terminal) -> None:
    terminal.write(terminal.styled(printable(row.name), "strong"))
    state = f"{row.state}, {'answers' if row.ready else 'does not answer'}"
    if row.state != "running":
        state = row.state
    terminal.write(f"  state    {terminal.styled(state, 'good' if row.ready else 'warning')}")
    terminal.write(f"  image    {printable(row.image)}")
    if row.url:
        terminal.write(f"  address  {row.url}")
    if row.version:
        terminal.write(f"  version  {printable(row.version)}")
    use = "in use" if row.used else "not in use"
    terminal.write(f"  use      {use}{', runs until `policyc container down`' * row.kept}")


@command.command(short_help="Print the log of the server.")
@_image_option
@click.option(
    "-n",
    "--tail",
    "lines",
    metavar="NUMBER",
    type=click.IntRange(min=0),
    help="Only so many lines, from the end. By default all.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
def logs(image: str | None, lines: int | None, follow: bool) -> None:
    """Print the log of the container's server: an object of JSON a line.

    Ends with 1 if there is no container, and with 3 if the engine fails.
    """
    from policyc.runtime.containers.status import logs as read_logs  # noqa: PLC0415  # by need

    pieces = read_logs(image, lines=lines, follow=follow)
    if pieces is None:
        say_error("there is no container", "`policyc container up` starts it")
        click.get_current_context().exit(FOUND)
    for piece in pieces:
        click.echo(piece, nl=False)


@command.command(short_help="Stop and remove the container.")
@_image_option
@click.option("--all", "everything", is_flag=True, help="All containers of this user.")
@_form_option
@color_option
def down(image: str | None, everything: bool, form: str) -> None:
    """Stop and remove the container, also if programs use it: they start it again by need.

    Ends with 0, also if there is none, and with 3 if the engine fails.
    """
    from policyc.runtime.containers.lifecycle import remove  # noqa: PLC0415  # by need
    from policyc.runtime.containers.spec import Spec  # noqa: PLC0415
    from policyc.runtime.containers.status import statuses  # noqa: PLC0415

    if everything and image:
        raise click.UsageError("--all and --image exclude one another")
    specs = [Spec(row.image) for row in statuses()] if everything else [Spec.of(image)]
    removed = [spec.name for spec in specs if remove(spec)]
    terminal = Terminal.of(sys.stdout)
    if form == "json":
        terminal.write(json_text({"removed": removed}))
        return
    for name in removed or ():
        terminal.write(f"removed {name}")
    if not removed:
        terminal.write("there is no container")
