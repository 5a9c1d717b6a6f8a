"""`policyc policies`: the policies that come with policyc."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from policyc.cli.exits import Refusal
from policyc.cli.terminal import Terminal, color_option, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_RISKS = ("high", "medium", "low")


@click.command
@click.argument("name", required=False)
@click.option("--source", is_flag=True, help="Print the text of NAME, to be copied and changed.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print it: for people, or as JSON.",
)
@color_option
def command(name: str | None, form: str, *, source: bool) -> None:
    """List the bundled policies, or show the one called NAME: what it stops and misses, its rules,
    its parameters with their defaults.

    Wherever a command takes a policy, policy:NAME is the bundled one. To change one, print its
    --source into a file of your own.
    """
    from policyc import policies  # noqa: PLC0415  # by need

    terminal = Terminal.of(sys.stdout)
    known = policies.names()
    if name is None:
        if source:
            raise click.UsageError("--source needs a NAME")
        rows = [_described(one) for one in known]
        if form == "json":
            terminal.write(json_text({"policies": rows}))
        else:
            _write_list(terminal, rows)
        return
    name = name.removeprefix("policy:")
    if name not in known:
        from policyc.compiler.spelling import did_you_mean  # noqa: PLC0415  # seldom needed

        hint = did_you_mean(name, known) or "`policyc policies` lists them all"
        raise Refusal(f"there is no bundled policy `{name}`", hint)
    text = policies.read(name)
    if form == "json":
        terminal.write(json_text({**_described(name), "text": text}))
    elif source:
        terminal.write(text.rstrip())
    else:
        _write_policy(terminal, policies.header(text), _described(name))


def _described(name: str) -> dict[str, Any]:
    """A policy as JSON: its rules with their risks, its parameters with their defaults."""
    from policyc import policies  # noqa: PLC0415  # by need
    from policyc.runtime.loading import load_program, read_source  # noqa: PLC0415  # slow to load

    source = read_source(f"policy:{name}")
    program, _ = load_program([source], None, keep=True)
    generated = program.generated
    return {
        "name": name,
        "summary": policies.summary(source.text),
        "rules": [
            {"name": rule.ref.name, "risk": rule.risk, "line": rule.ref.line}
            for rule in program.plan.rules
        ],
        "parameters": [
            {
                "name": one,
                "required": one in generated.parameters,
                "default": generated.defaults.get(one),
            }
            for one in sorted({*generated.parameters, *generated.defaults})
        ],
    }


def _write_list(terminal: Terminal, rows: list[dict[str, Any]]) -> None:
    column = max(len(row["name"]) for row in rows)
    for row in rows:
        padded = terminal.styled(row["name"].ljust(column), "strong")
        terminal.write(f"{padded}  {row['summary']}")
        terminal.write(f"{'':{column}}  {'; '.join(_facts(row))}")


def _facts(row: dict[str, Any]) -> Iterator[str]:
    """How many rules with which risks, and what must be given."""
    found = {rule["risk"] for rule in row["rules"]}
    risks = [risk for risk in _RISKS if risk in found]
    of_risk = f" of risk {', '.join(risks)}" if risks else ""
    yield _counted(len(row["rules"]), "rule") + of_risk
    if row["parameters"]:
        yield _counted(len(row["parameters"]), "parameter")
    needed = [one["name"] for one in row["parameters"] if one["required"]]
    if needed:
        yield f"needs {', '.join(needed)}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _write_policy(terminal: Terminal, header: str, row: dict[str, Any]) -> None:
    terminal.write(header)
    terminal.write("\n" + terminal.styled("Rules", "strong"))
    for rule in row["rules"]:
        terminal.write(f"  {rule['risk'] or 'none':6}  {rule['name']}")
    if row["parameters"]:
        terminal.write("\n" + terminal.styled("Parameters", "strong"))
    for one in row["parameters"]:
        value = "needed" if one["required"] else f"= {json_text(one['default'], indent=None)}"
        terminal.write(f"  {one['name']} {value}")
