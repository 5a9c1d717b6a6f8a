"""`policyc detectors`: what policies can import to look into texts, and whether it works here."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from policyc.cli.terminal import Terminal, color_option, json_text
from policyc.grammar.printable import printable

if TYPE_CHECKING:
    from policyc.compiler.signatures import Signature


@click.command
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print the list: for people, or as JSON.",
)
@color_option
def command(form: str) -> None:
    """List the detectors that policies can use.

    Those of the standard library and those of installed plug-ins, each with the module to import it
    from, its version, its license, a digest of the data or model that it judges by, and the reason
    where one is not available here.
    """
    rows = _rows()
    terminal = Terminal.of(sys.stdout)
    if form == "json":
        terminal.write(json_text({"detectors": rows}))
        return
    for module in dict.fromkeys(row["module"] for row in rows):
        terminal.write(terminal.styled(f"from {module} import", "strong"))
        of_module = [row for row in rows if row["module"] == module]
        column = max(len(row["name"]) for row in of_module)
        for row in of_module:
            _print_row(row, column, terminal)


def _print_row(row: dict[str, Any], column: int, terminal: Terminal) -> None:
    gap = " " * (column + 6)
    start = f"    {printable(row['name']).ljust(column)}  "
    doc = printable(row["doc"])
    lines = textwrap.wrap(doc, terminal.width, initial_indent=start, subsequent_indent=gap)
    for line in lines or [start.rstrip()]:
        terminal.write(line)
    facts = _facts(row)
    if facts:
        terminal.write(f"{gap}{terminal.styled(printable(facts), 'quiet')}")
    if not row["available"]:
        what = terminal.styled("not available:", "warning")
        terminal.write(f"{gap}{what} {printable(row['reason'])}")


def _facts(row: dict[str, Any]) -> str:
    parts = [f"version {row['version']}"] if row["version"] else []
    parts += [row["license"]] if row["license"] else []
    parts += [f"{name} sha256:{digest[:12]}" for name, digest in row["files"].items()]
    return ", ".join(parts)


def _rows() -> list[dict[str, Any]]:
    """A row for each detector, under the first module that has it: the others hold the same one."""
    from policyc.runtime.detectors.registry import MODULES  # noqa: PLC0415  # by need
    from policyc.runtime.extensions import PLUGINS, plugins  # noqa: PLC0415

    rows: dict[str, dict[str, Any]] = {}
    for module in MODULES.values():
        for name, signature in module.functions.items():
            rows.setdefault(name, _row(module.name, signature))
    found = [_row(PLUGINS, signature) for signature in plugins().functions.values()]
    return [*rows.values(), *found]


def _row(module: str, signature: Signature) -> dict[str, Any]:
    return {
        "name": signature.name,
        "module": module,
        "available": signature.missing is None,
        "reason": signature.missing,
        "extra": signature.extra,
        "version": signature.version,
        "license": signature.license,
        "files": {file.rpartition(":")[2]: _digest(file) for file in signature.files},
        "doc": signature.doc,
    }


def _digest(file: str) -> str:
    """The SHA-256 of a file that a detector judges by."""
    import hashlib  # noqa: PLC0415  # by need
    from importlib import resources  # noqa: PLC0415

    package, _, name = file.partition(":")
    return hashlib.sha256((resources.files(package) / name).read_bytes()).hexdigest()
