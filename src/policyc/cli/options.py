"""Options that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")


def workers_option(what: str, default: str) -> Callable[[Command], Command]:
    """The option `-n`; `what` are processes that do something, `default` a number or `auto`."""
    how = "one for each core" if default == "auto" else f"one for each core. By default {default}"
    return click.option(
        "-n",
        "--workers",
        metavar="NUMBER",
        default=default,
        callback=_read,
        help=f"{what} at the same time: a number, or auto, {how}.",
    )


def parameter_options(command: Command) -> Command:
    """The options `--param` and `--params-file`, as `options` and `params_file`."""
    file = click.option(
        "--params-file", type=click.File(encoding="utf-8"), help="A JSON object of such values."
    )
    return click.option(
        "--param",
        "options",
        metavar="NAME=VALUE",
        multiple=True,
        help="A value for the policy's input.NAME: JSON, or else a text.",
    )(file(command))


def input_format_option(command: Command) -> Command:
    """The option `--input-format`."""
    return click.option(
        "--input-format",
        type=click.Choice(["auto", "openai", "anthropic", "responses", "mcp"]),
        default="auto",
        help="The form of the traces; auto finds it out.",
    )(command)


def backend_option(command: Command) -> Command:
    """The option `--backend`."""
    return click.option(
        "--backend",
        metavar="BACKEND",
        help="What evaluates, instead of this process: `container`, or the address of `policyc "
        "serve` or, with session+ or stateless+ before it, of an Invariant server.",
    )(command)


def _read(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    if value == "auto":
        from policyc.runtime.parallel import cores  # noqa: PLC0415  # slow to load

        return cores()
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"`{value}` is not a number from 1, or auto")
    return int(value)
