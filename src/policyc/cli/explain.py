"""`policyc explain`: the page of a diagnostic code."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

import click

from policyc.cli.exits import Refusal
from policyc.cli.terminal import Style, Terminal, color_option, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

    from policyc.grammar.catalog import Code


def _complete(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem  # noqa: PLC0415  # only for completion

    from policyc.grammar.catalog import CODES  # noqa: PLC0415

    return [
        CompletionItem(row.code, help=row.title)
        for row in CODES.values()
        if row.code.startswith(incomplete.upper())
    ]


@click.command(no_args_is_help=True)
@click.argument("code", required=False, shell_complete=_complete)
@click.option("--list", "lists", is_flag=True, help="List all codes.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print it: for people, or as JSON.",
)
@color_option
def command(code: str | None, form: str, *, lists: bool) -> None:
    """Explain a diagnostic code: what it means, a wrong and a right policy, and why.

    CODE is a code such as E0301, or its name such as unknown-name.
    """
    from policyc.grammar.catalog import CODES  # noqa: PLC0415  # by need

    terminal = Terminal.of(sys.stdout)
    if code is None and not lists:
        raise click.UsageError("give a CODE, or --list")
    rows = [_find(code)] if code is not None else list(CODES.values())
    if lists:
        _print_list(rows, form, terminal)
    else:
        _print_page(rows[0], form, terminal)


def _find(code: str) -> Code:
    from policyc.compiler.spelling import closest  # noqa: PLC0415  # by need
    from policyc.grammar.catalog import CODES  # noqa: PLC0415

    by_name = {row.name: row for row in CODES.values()}
    found = CODES.get(code.upper()) or by_name.get(code.lower())
    if found is None:
        near = closest(code.upper(), CODES) or closest(code.lower(), by_name)
        raise Refusal(
            f"there is no code `{code}`",
            f"did you mean `{near}`?" if near else "`policyc explain --list` shows all codes",
        )
    return found


def _as_dict(row: Code) -> dict[str, str]:
    return {
        "code": row.code,
        "name": row.name,
        "severity": str(row.severity),
        "title": row.title,
    }


def _print_list(rows: list[Code], form: str, terminal: Terminal) -> None:
    if form == "json":
        terminal.write(json_text({"codes": [_as_dict(row) for row in rows]}))
        return
    for row in rows:
        style: Style = "error" if row.severity == "error" else "warning"
        terminal.write(f"{terminal.styled(row.code, style)}  {row.title}")


def _print_page(row: Code, form: str, terminal: Terminal) -> None:
    from policyc.grammar.catalog import page  # noqa: PLC0415  # by need

    text = page(row.code)
    if form == "json":
        terminal.write(json_text(_as_dict(row) | {"page": text}))
        return
    for line in _rendered(text, terminal):
        terminal.write(line)


def _rendered(markdown: str, terminal: Terminal) -> Iterator[str]:
    """The lines of a page: headings stand out, code is indented, text is wrapped to the width."""
    paragraph: list[str] = []
    is_code = False
    for line in [*markdown.strip().splitlines(), "```"]:
        if is_code and not line.startswith("```"):
            yield f"    {line}".rstrip()
        elif line.strip() and not line.startswith(("#", "```")):
            paragraph.append(line.strip())
        else:
            yield from textwrap.wrap(" ".join(paragraph), terminal.width)
            paragraph.clear()
            if line.startswith("```"):
                is_code = not is_code
            else:
                yield terminal.styled(line.lstrip("# "), "strong") if line else ""
