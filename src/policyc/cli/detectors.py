"""`policyc detectors`: what policies can import to look into texts, and whether it works here."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from policyc.cli.exits import Refusal
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
@click.option(
    "--model",
    metavar="FOLDER",
    help="Check the model in this folder and print its digest, labels and license.",
)
@color_option
def command(form: str, model: str | None) -> None:
    """List the detectors that policies can use.

    Those of the standard library and those of installed plug-ins, each with the module to import it
    from, its version, its license, a digest of the data or model that it judges by, and the reason
    where one is not available here. Of those that ask a model, all engines, with what chooses each
    and what is configured.

    With --model, check a model in a folder and print its digest, as policies name it.
    """
    if model is not None:
        _print_model(model, form)
        return
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
        _print_reason(row["reason"], gap, terminal)
    for engine in row["engines"]:
        chosen = f"{gap}{printable(engine['name'])}: {printable(engine['choice'])}"
        facts = _facts(engine)
        terminal.write(f"{chosen}, {printable(facts)}" if facts else chosen)
        if not engine["available"]:
            _print_reason(engine["reason"], f"{gap}  ", terminal)


def _print_reason(reason: str, gap: str, terminal: Terminal) -> None:
    what = terminal.styled("not available:", "warning")
    terminal.write(f"{gap}{what} {printable(reason)}")


def _print_model(name: str, form: str) -> None:
    """What is in a folder with a model, whether or not it is pinned."""
    from policyc.runtime.bounds import BuiltinError  # noqa: PLC0415  # by need
    from policyc.runtime.models.folders import look_into  # noqa: PLC0415

    terminal = Terminal.of(sys.stdout)
    try:
        found = look_into(name)
    except BuiltinError as error:
        raise Refusal(error.message, error.help) from error
    told = {
        "sha256": found.digest,
        "labels": found.labels,
        "license": found.license,
        "files": found.digests,
    }
    if form == "json":
        terminal.write(json_text(told))
        return
    terminal.write(f"sha256   {found.digest}")
    terminal.write(f"labels   {printable(', '.join(found.labels))}")
    terminal.write(f"license  {printable(found.license or 'not told')}")


def _facts(row: dict[str, Any]) -> str:
    parts = [f"version {row['version']}"] if row["version"] else []
    parts += [row["license"]] if row["license"] else []
    parts += [f"{name} sha256:{digest[:12]}" for name, digest in row["files"].items()]
    return ", ".join(parts)


def _rows() -> list[dict[str, Any]]:
    """A row for each detector, under the first module that has it: the others hold the same one."""
    from policyc.runtime.builtins.registry import LLM  # noqa: PLC0415  # by need
    from policyc.runtime.detectors.registry import MODULES  # noqa: PLC0415
    from policyc.runtime.extensions import PLUGINS, plugins  # noqa: PLC0415

    rows: dict[str, dict[str, Any]] = {}
    for module in MODULES.values():
        for name, signature in module.functions.items():
            rows.setdefault(name, _row(module.name, signature))
    rows |= {name: _row(LLM.name, signature) for name, signature in LLM.functions.items()}
    found = [_row(PLUGINS, signature) for signature in plugins().functions.values()]
    return [*rows.values(), *found]


def _row(module: str, signature: Signature) -> dict[str, Any]:
    engines, reason = _engines(signature)
    return {
        "name": signature.name,
        "module": module,
        "available": reason is None,
        "reason": reason,
        "extra": signature.extra,
        "version": signature.version,
        "license": signature.license,
        "files": {file.rpartition(":")[2]: _digest(file) for file in signature.files},
        "doc": signature.doc,
        "engines": engines,
    }


def _engines(signature: Signature) -> tuple[list[dict[str, Any]], str | None]:
    """The engines of a detector, and why a call that names none does not work."""
    from policyc.runtime.extensions import engines_of  # noqa: PLC0415  # by need

    if signature.missing is not None or not signature.engines:
        return [], signature.missing
    known = engines_of(signature)
    rows = [
        {
            "name": one.name,
            "choice": one.choice,
            "available": one.reason is None,
            "reason": one.reason,
            "version": one.version,
            "license": one.license,
            "files": dict(one.files),
        }
        for one in known.engines()
    ]
    refusal = known.unavailable({})
    return rows, None if refusal is None else refusal.reason


def _digest(file: str) -> str:
    """The SHA-256 of a file that a detector judges by."""
    import hashlib  # noqa: PLC0415  # by need
    from importlib import resources  # noqa: PLC0415

    package, _, name = file.partition(":")
    return hashlib.sha256((resources.files(package) / name).read_bytes()).hexdigest()
