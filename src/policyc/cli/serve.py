"""`policyc serve`: the engine over HTTP."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING

import click

from policyc.cli.exits import Refusal, say_warning
from policyc.cli.listening import is_own, listen
from policyc.cli.terminal import Terminal, color_option
from policyc.runtime.proof import key_of_environment

if TYPE_CHECKING:
    from policyc.runtime.server.settings import OnError, Risk

TOKEN_VARIABLE = "POLICYC_TOKEN"  # noqa: S105  # the name of a variable


MIB = 1024 * 1024


@click.command
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on. Any but this machine's own needs a token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="The port to listen on; 0: a free one, which is printed.",
)
@click.option(
    "--policy",
    "policies",
    metavar="PATH",
    multiple=True,
    help="Policies that clients of /v1 can name: a file, a folder, policy:NAME. Repeatable.",
)
@click.option("--watch", is_flag=True, help="Load these policies again when their files change.")
@click.option(
    "--token-file",
    type=click.File(encoding="utf-8"),
    help="A file with what clients have to send as `Authorization: Bearer TOKEN`. By default it is "
    f"in {TOKEN_VARIABLE}.",
)
@click.option(
    "--open",
    "is_open",
    is_flag=True,
    help="Listen on any address without a token: only where something else keeps others out.",
)
@click.option(
    "--workers",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="Processes that evaluate, at most. By default two for each core, and two more.",
)
@click.option(
    "--deadline",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="The time that a check may take.",
)
@click.option(
    "--max-body",
    metavar="MIB",
    type=click.FloatRange(min=0, min_open=True),
    default=8.0,
    show_default=True,
    help="The size that the body of a request may have.",
)
@click.option(
    "--max-sessions",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Sessions that are kept.",
)
@click.option(
    "--idle",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=3600.0,
    show_default=True,
    help="After which a session that is not used ends.",
)
@click.option(
    "--max-kept",
    metavar="MIB",
    type=click.FloatRange(min=0, min_open=True),
    default=512.0,
    show_default=True,
    help="The size of what all sessions keep: their policies and events, as they were sent.",
)
@click.option(
    "--max-memory",
    metavar="MIB",
    type=click.FloatRange(min=64),
    default=2048.0,
    show_default=True,
    help="The memory that each process may have that evaluates.",
)
@click.option(
    "--trust-clients",
    is_flag=True,
    help="Policies that clients send may use what reaches beyond the trace: files, models, "
    "addresses, language models, plug-ins. By default only those of --policy may.",
)
@click.option(
    "--default-risk",
    type=click.Choice(["low", "medium", "high", "none"]),
    default="high",
    show_default=True,
    help="The level that clients of the Invariant APIs read where a rule has none.",
)
@click.option(
    "--on-error",
    type=click.Choice(["finding", "http"]),
    default="finding",
    show_default=True,
    help="What a rule that fails is in the Invariant APIs: a finding of high risk, or an error.",
)
@color_option
def command(
    *,
    host: str,
    port: int,
    policies: tuple[str, ...],
    watch: bool,
    token_file: IO[str] | None,
    is_open: bool,
    workers: int | None,
    deadline: float,
    max_body: float,
    max_sessions: int,
    idle: float,
    max_kept: float,
    max_memory: float,
    trust_clients: bool,
    default_risk: Risk,
    on_error: OnError,
) -> None:
    """Serve policies over HTTP.

    There are three APIs on one port: the session API and the stateless API of the Invariant
    analysis server, and /v1, which takes policies by name or text and gives structured results.
    /openapi.json describes them. /health answers without a token too; /metrics is for Prometheus.

    With a secret in POLICYC_SERVER_KEY each answer proves that it comes from this server, to
    clients that have the same secret there: `policyc` and `Policy.from_file(..., backend=URL)`.

    Ends with 0 on SIGTERM or Ctrl-C, after the requests that run are answered; with 2 if a policy
    or an option cannot be used; with 3 if the port cannot be had.
    """
    token = (token_file.read() if token_file else os.environ.get(TOKEN_VARIABLE, "")).strip()
    if token_file and not token:
        raise Refusal(f"there is no token in `{token_file.name}`")
    if not token and not is_open and not is_own(host):
        raise Refusal(
            f"others can reach `{host}`, so clients need a token",
            f"set {TOKEN_VARIABLE} or --token-file, or say --open if something else keeps others "
            "out",
        )
    if watch and not policies:
        raise click.UsageError("--watch is for the policies of --policy")
    try:
        from policyc.runtime.server.running import serve  # noqa: PLC0415  # an extra
        from policyc.runtime.server.settings import Settings, default_workers  # noqa: PLC0415
    except ImportError as error:
        raise Refusal(
            f"`policyc serve` needs the package `{error.name}`",
            "pip install 'policyc[server]'",
        ) from None
    settings = Settings(
        token=token or None,
        key=_key(),
        workers=workers or default_workers(),
        deadline=deadline,
        most_bytes=int(max_body * MIB),
        most_sessions=max_sessions,
        idle_seconds=idle,
        most_kept=int(max_kept * MIB),
        memory=int(max_memory * MIB),
        trusts_clients=trust_clients,
        default_risk=default_risk,
        on_error=on_error,
    )
    if is_open and not token:
        say_warning("anybody who reaches the port can ask")
    serve(settings, listen(host, port), policies, watches=watch, say=_say)


def _key() -> str | None:
    """The secret that answers are proved with."""
    try:
        return key_of_environment() or None
    except ValueError as error:
        raise Refusal(str(error), "make one: openssl rand -hex 32") from None


def _say(line: str) -> None:
    Terminal.of(sys.stderr).write(line)
