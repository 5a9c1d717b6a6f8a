"""`policyc audit`: the log of what sandboxes were allowed and refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from policyc.cli.exits import CLEAN, FOUND, Refusal
from policyc.cli.terminal import Terminal, color_option, json_text
from policyc.cli.wording import counted
from policyc.grammar.printable import printable

if TYPE_CHECKING:
    from policyc.runtime.sandbox.audit import Verification


@click.group
def command() -> None:
    """Look at the log of what sandboxes were allowed and refused.

    It has one line of JSON for each decision, bound to the line before by its hash.
    """


def _path(given: str | None) -> Path:
    from policyc.runtime.sandbox.audit import default_path  # noqa: PLC0415  # by need

    path = default_path() if given is None else Path(given)
    if not path.exists():
        raise Refusal(f"there is no audit log `{path}`", "`policyc run` begins one")
    return path


@command.command(short_help="See whether a log was changed.")
@click.argument("file", required=False)
@click.option(
    "--expect",
    metavar="HASH",
    help="That of a record that must be in it: the head that an earlier look printed. Only so it "
    "can be seen that lines are missing at the end.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print the result: for people, or as JSON.",
)
@color_option
def verify(file: str | None, expect: str | None, form: str) -> None:
    """See whether a log was changed: every line must fit the one before it.

    FILE is the log, by default that of this user. Prints the hash of the last record, its head:
    kept elsewhere, it shows later that nothing was taken away.

    Ends with 0 if the log is intact, with 1 if it is not, and with 2 if it cannot be read.
    """
    from policyc.runtime.sandbox.audit import AuditError  # noqa: PLC0415  # by need
    from policyc.runtime.sandbox.audit import verify as verified  # noqa: PLC0415

    path = _path(file)
    try:
        told = verified(path, expect)
    except AuditError as error:
        raise Refusal(str(error)) from None
    terminal = Terminal.of(sys.stdout)
    if form == "json":
        terminal.write(json_text({"path": str(path), **told.to_dict()}))
    else:
        _print(path, told, terminal)
    click.get_current_context().exit(CLEAN if told.is_intact else FOUND)


def _print(path: Path, told: Verification, terminal: Terminal) -> None:
    for problem in told.problems:
        place = f"{printable(str(path))}:{problem.line}"
        terminal.write(f"{terminal.styled(place, 'error')}: {problem.message}")
    if told.unfinished:
        terminal.write("a crash cut the last line off; nothing that it decides had happened")
    if told.is_intact:
        state = terminal.styled("intact", "good")
    else:
        state = terminal.styled("not intact", "error")
    terminal.write(f"{state}: {counted(told.records, 'record')}")
    terminal.write(f"head {told.head}")


@command.command(short_help="Print records of a log.")
@click.argument("file", required=False)
@click.option("--sandbox", metavar="ID", help="Only those of this sandbox.")
@click.option("--refused", is_flag=True, help="Only what was refused or withheld.")
@click.option(
    "-n", "--tail", "lines", metavar="NUMBER", type=click.IntRange(min=0), help="Only so many."
)
def show(file: str | None, sandbox: str | None, refused: bool, lines: int | None) -> None:
    """Print records of a log, one line of JSON each.

    FILE is the log, by default that of this user.
    """
    from policyc.runtime.sandbox.audit import AuditError, records  # noqa: PLC0415  # by need

    found: list[dict[str, Any]] = []
    try:
        for record in records(_path(file)):
            is_asked = sandbox in (None, record.get("sandbox"))
            if is_asked and (not refused or record.get("verdict") not in (None, "allow")):
                found.append(record)
    except AuditError as error:
        raise Refusal(str(error)) from None
    terminal = Terminal.of(sys.stdout)
    for record in found if lines is None else found[len(found) - min(lines, len(found)) :]:
        terminal.write(json_text(record, indent=None))
