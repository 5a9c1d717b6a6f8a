"""`policyc policies`: the policies that come with policyc."""

from __future__ import annotations

import sys

import click

from policyc.cli.exits import Refusal
from policyc.cli.terminal import Terminal, color_option, json_text


@click.command
@click.argument("name", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print it: for people, or as JSON.",
)
@color_option
def command(name: str | None, form: str) -> None:
    """List the bundled policies, or print the one called NAME.

    Wherever a command takes a policy, policy:NAME is the bundled one. To change one, print it into
    a file of your own.
    """
    from policyc import policies  # noqa: PLC0415  # by need

    terminal = Terminal.of(sys.stdout)
    known = policies.names()
    if name is not None and name.removeprefix("policy:") not in known:
        from policyc.compiler.spelling import did_you_mean  # noqa: PLC0415  # seldom needed

        hint = did_you_mean(name, known) or "`policyc policies` lists them all"
        raise Refusal(f"there is no bundled policy `{name}`", hint)
    texts = {one: policies.read(one) for one in known}
    if name is not None:
        text = texts[name.removeprefix("policy:")]
        terminal.write(json_text({"name": name, "text": text}) if form == "json" else text.rstrip())
    elif form == "json":
        rows = [{"name": one, "summary": policies.summary(text)} for one, text in texts.items()]
        terminal.write(json_text({"policies": rows}))
    else:
        column = max(map(len, known))
        for one, text in texts.items():
            padded = terminal.styled(one.ljust(column), "strong")
            terminal.write(f"{padded}  {policies.summary(text)}")
