"""Options of commands that make a sandbox, and what they mean."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from policyc.cli.exits import Refusal
from policyc.cli.inputs import policy_paths
from policyc.cli.options import parameter_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.sandbox.gate import Question, Settings
    from policyc.runtime.sandbox.spec import Mount, SandboxSpec

Command = TypeVar("Command", bound="Callable[..., Any]")

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def _size(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]+)([kmg]?)(?:i?b)?", value.strip().lower())
    if found is None:
        raise click.BadParameter(f"`{value}` is no size: write it like 512m or 1g")
    return int(found[1]) * _UNITS[found[2]]


def form_option(command: Command) -> Command:
    """The option `--format`, as `form`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        help="How to print the result: for people, or as JSON.",
    )(command)


def provider_option(command: Command) -> Command:
    """The option `--provider`."""
    return click.option(
        "--provider",
        metavar="NAME",
        help="What runs the sandbox. By default docker where an engine and the image are there, "
        "else embedded.",
    )(command)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of a command ask for."""

    policies: tuple[str, ...]
    options: tuple[str, ...]
    params_file: IO[str] | None
    provider: str | None
    image: str | None
    allow_hosts: tuple[str, ...]
    mounts: tuple[str, ...]
    ports: tuple[str, ...]
    environment: tuple[str, ...]
    secrets: tuple[str, ...]
    memory: int | None
    cpus: float | None
    disk: int | None
    processes: int | None
    timeout: float | None
    max_output: int | None
    lifetime: float | None
    loosen: tuple[str, ...]
    ask: bool
    ask_url: str | None
    redact: bool
    audit: str | None


def sandbox_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All of them; the command takes them as one `asked`."""

    @wraps(command)
    def gathered(**given: Any) -> Any:
        asked = Asked(**{name: given.pop(name) for name in Asked.__slots__})
        return command(asked=asked, **given)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


_OPTIONS: list[Callable[[Any], Any]] = [
    click.option(
        "--policy",
        "policies",
        metavar="PATH",
        multiple=True,
        help="What judges: a file, a folder, policy:NAME. Repeatable. By default "
        "policy:coding-agent.",
    ),
    parameter_options,
    provider_option,
    click.option("--image", metavar="TAG", help="Of the sandbox; by default that of build-image."),
    click.option(
        "--allow-host",
        "allow_hosts",
        metavar="HOST",
        multiple=True,
        help="A name that may be reached, through a proxy: `example.org`, `*.example.org` with all "
        "below it, `example.org:8443`. Repeatable. By default there is no network.",
    ),
    click.option(
        "--mount",
        "mounts",
        metavar="PATH[:TARGET][:rw]",
        multiple=True,
        help="A folder of this machine, read-only unless `:rw` is there; by default below /ws.",
    ),
    click.option(
        "--port",
        "ports",
        metavar="[NAME=]NUMBER",
        multiple=True,
        help="A port of the sandbox that is served on this machine as long as the command runs; "
        "where is told. Repeatable.",
    ),
    click.option(
        "--env",
        "environment",
        metavar="NAME=VALUE",
        multiple=True,
        help="A variable of the commands; without `=VALUE` that of this process. Repeatable.",
    ),
    click.option(
        "--secret",
        "secrets",
        metavar="NAME=FILE",
        multiple=True,
        help="The content of a file as /run/secrets/NAME; hidden in what commands print.",
    ),
    click.option(
        "--memory", metavar="SIZE", callback=_size, help="That the sandbox may use. By default 1g."
    ),
    click.option("--cpus", type=click.FloatRange(min=0, min_open=True), help="By default 1."),
    click.option(
        "--disk", metavar="SIZE", callback=_size, help="The room of the workspace. By default 256m."
    ),
    click.option(
        "--processes", type=click.IntRange(min=1), help="At the same time. By default 128."
    ),
    click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True),
        help="That a command may take. By default 120.",
    ),
    click.option(
        "--max-output",
        metavar="SIZE",
        callback=_size,
        help="That a command may write. By default 1m.",
    ),
    click.option(
        "--lifetime",
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True),
        help="After which the sandbox ends by itself. By default 3600.",
    ),
    click.option(
        "--loosen",
        metavar="NAME",
        multiple=True,
        help="Do without a protection: open-network, writable-root, engine-seccomp or root-user. "
        "It is in the audit log.",
    ),
    click.option(
        "--ask", is_flag=True, help="Ask at the terminal where the policy wants a person to decide."
    ),
    click.option(
        "--ask-url", metavar="URL", help='Ask there, with a POST that answers {"allow": true}.'
    ),
    click.option(
        "--redact",
        is_flag=True,
        help="Mask what a violation marks in an output, instead of withholding all of it.",
    ),
    click.option("--audit", metavar="FILE", help="The audit log. By default that of this user."),
]


def policies_of(asked: Asked) -> list[str]:
    """The policies that were asked for, or the default."""
    from policyc.runtime.sandbox.sandbox import DEFAULT_POLICY  # noqa: PLC0415  # by need

    return policy_paths(asked.policies) if asked.policies else [DEFAULT_POLICY]


def spec_of(asked: Asked) -> SandboxSpec:
    """The specification that was asked for.

    Raises:
        Refusal: an option cannot be read.
        InvalidSpec: it cannot be carried out.
    """
    from policyc.runtime.sandbox.spec import Resources, SandboxSpec  # noqa: PLC0415  # by need

    given = {
        "memory": asked.memory,
        "cpus": asked.cpus,
        "disk": asked.disk,
        "processes": asked.processes,
        "seconds": asked.timeout,
        "output": asked.max_output,
        "lifetime": asked.lifetime,
    }
    limits: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return SandboxSpec(
        image=asked.image,
        environment=dict(map(_variable, asked.environment)),
        mounts=tuple(map(_mount, asked.mounts)),
        resources=Resources(**limits),
        allow_hosts=asked.allow_hosts,
        ports=dict(map(_port, asked.ports)),
        secrets=dict(map(_secret, asked.secrets)),
        loosened=frozenset(asked.loosen),  # type: ignore[arg-type]  # the specification checks it
    )


def settings_of(asked: Asked) -> Settings:
    """How the gate decides."""
    from policyc.runtime.sandbox.gate import Settings  # noqa: PLC0415  # by need

    return Settings(redact=asked.redact)


def ask_of(asked: Asked) -> Callable[[Question], bool] | None:
    """Who is asked."""
    if asked.ask and asked.ask_url:
        raise Refusal("`--ask` and `--ask-url` ask two: choose one of them")
    if asked.ask_url:
        from policyc.runtime.sandbox.asking import HttpAsk  # noqa: PLC0415  # by need

        return HttpAsk(asked.ask_url)
    if asked.ask:
        from policyc.cli.asking import ask_at_terminal  # noqa: PLC0415  # by need

        return ask_at_terminal
    return None


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if equals:
        return name, value
    if name not in os.environ:
        raise Refusal(f"this process has no variable `{name}`", "write `--env NAME=VALUE`")
    return name, os.environ[name]


def _mount(text: str) -> Mount:
    from policyc.runtime.sandbox.spec import WORKSPACE, Mount  # noqa: PLC0415  # by need

    parts = text.split(":")
    is_writable = len(parts) > 1 and parts[-1] in ("rw", "ro")
    writable = is_writable and parts.pop() == "rw"
    if not 1 <= len(parts) <= 2 or not parts[0]:
        raise Refusal(f"`--mount {text}` cannot be read", "write `--mount PATH[:TARGET][:rw]`")
    source = str(Path(parts[0]).absolute())
    target = parts[1] if len(parts) == 2 else f"{WORKSPACE}/{Path(source).name}"
    return Mount(source, target, writable)


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    if not number.isdecimal():
        raise Refusal(f"`--port {text}` has no number", "write `--port web=8000`")
    return name or number, int(number)


def _secret(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not equals:
        raise Refusal(f"`--secret {text}` has no file", "write `--secret NAME=FILE`")
    try:
        return name, Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        raise Refusal(f"the secret `{path}` is no text") from None
