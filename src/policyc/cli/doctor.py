"""`policyc doctor`: what is wrong with this machine's set-up, and what to do about it."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Final

import click

from policyc.cli.exits import CLEAN, FOUND
from policyc.cli.progress import Progress
from policyc.cli.terminal import Style, Terminal, color_option, json_text
from policyc.cli.wording import counted
from policyc.grammar.printable import printable

if TYPE_CHECKING:
    from policyc.runtime.doctor.examination import Finding, State

_STYLES: dict[State, Style] = {
    "ok": "good",
    "warning": "warning",
    "error": "error",
    "skipped": "place",
}


@click.command
@click.option(
    "--backend",
    metavar="NAME",
    help="The backend that shall be used, as programs name it: container, container:IMAGE, the "
    "address of a server. What it needs is an error where it is missing, not a warning.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print the findings: for people, or as JSON.",
)
@click.option("--json", "is_json", is_flag=True, help="The same as --format json.")
@color_option
def command(backend: str | None, form: str, is_json: bool) -> None:
    """Find out what is wrong with this machine's set-up, and say what to do about it.

    Looks at the container engine, the image, the container, ports and locks, the server that is the
    backend, the services that detectors ask, optional parts, the cache and the clock. Services are
    asked for their list of models, if they are configured. Nothing is started or mended.

    Ends with 0 if there is no error, also if there are warnings, and with 1 otherwise.
    """
    from policyc.runtime.doctor.checks import CHECKS  # noqa: PLC0415  # slow to load
    from policyc.runtime.doctor.examination import Subject, examine  # noqa: PLC0415

    _refuse_unknown(backend)
    subject = Subject(backend)
    findings: list[Finding] = []
    with Progress(total=len(CHECKS)) as progress:
        for check in CHECKS:
            findings += examine(subject, [check])
            progress.step()
    is_good = all(one.state != "error" for one in findings)
    terminal = Terminal.of(sys.stdout)
    if is_json or form == "json":
        rows = [one.to_dict() for one in findings]
        terminal.write(json_text({"ok": is_good, "checks": rows}))
    else:
        _print(findings, terminal)
    click.get_current_context().exit(CLEAN if is_good else FOUND)


def _refuse_unknown(backend: str | None) -> None:
    """A name that is no backend is a mistake of whoever asks, not a fault of the machine."""
    from policyc.runtime.backends.base import check_name  # noqa: PLC0415  # by need
    from policyc.runtime.failures import BackendError  # noqa: PLC0415

    try:
        check_name(backend)
    except BackendError as error:
        raise click.BadParameter(str(error), param_hint="--backend") from None


def _print(findings: list[Finding], terminal: Terminal) -> None:
    for one in findings:
        _print_finding(one, terminal)
    errors = sum(one.state == "error" for one in findings)
    warnings = sum(one.state == "warning" for one in findings)
    terminal.write(f"\n{counted(errors, 'error')}, {counted(warnings, 'warning')}")


def _print_finding(one: Finding, terminal: Terminal) -> None:
    texts = [one.detail]
    if one.fault is not None:
        texts = [f"{one.fault}: {one.meaning}", one.detail, one.way_out or ""]
    start = f"{terminal.styled(one.state.ljust(8), _STYLES[one.state])}  {one.check:<10}"
    for text in texts:
        for line in textwrap.wrap(printable(text), max(terminal.width - _INDENT, 20)) or [""]:
            terminal.write(f"{start}{line}")
            start = " " * _INDENT


_INDENT: Final = 20
"""The columns before a text: its state and the name of its check."""
