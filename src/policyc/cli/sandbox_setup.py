"""Commands of `policyc sandbox` that set something up, or serve it to others."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

import click

from policyc.cli.exits import CLEAN, FOUND, Refusal
from policyc.cli.listening import is_own, listen
from policyc.cli.progress import Progress
from policyc.cli.run import failing_as_sandbox, made
from policyc.cli.sandbox_options import Asked, form_option, provider_option, sandbox_options
from policyc.cli.terminal import Terminal, color_option, json_text
from policyc.cli.wording import counted
from policyc.grammar.printable import printable

KEY_VARIABLE = "POLICYC_SANDBOX_KEY"

_MIB = 1024 * 1024


@click.command("build-image", short_help="Build the image of sandboxes.")
@click.option("--again", is_flag=True, help="Make it also if it is there and up to date.")
@click.option("--sbom", metavar="FILE", help="Write what is in it there, as SPDX 2.3.")
@form_option
@color_option
def build_image(again: bool, sbom: str | None, form: str) -> None:
    """Build the image of sandboxes of this version.

    It is made without a registry, from Debian packages of this machine; the same packages give the
    same digest. On other systems build Dockerfile.sandbox of the repository.

    Ends with 3 if it cannot be built or the engine fails.
    """
    from policyc.runtime.sandbox.image import build  # noqa: PLC0415  # by need

    with Progress() as progress:
        built = build(progress.count, again=again)
    if sbom is not None:
        try:
            Path(sbom).write_text(json_text(built.sbom) + "\n", "utf-8")
        except OSError as error:
            raise Refusal(f"`{sbom}` cannot be written: {error.strerror}") from None
    terminal = Terminal.of(sys.stdout)
    if form == "json":
        row = {
            "image": built.tag,
            "id": built.id,
            "digest": built.digest,
            "size": built.size,
            "built": built.is_new,
            "packages": built.packages,
        }
        terminal.write(json_text(row))
        return
    what = "built" if built.is_new else "up to date:"
    size = f"{built.size / _MIB:.0f} MiB, {counted(len(built.packages), 'package')}"
    terminal.write(f"{what} {built.tag}, {size}")
    terminal.write(f"digest {built.digest}")


@click.command(short_help="See whether the protections hold.")
@provider_option
@click.option("--image", metavar="TAG", help="Of the sandboxes; by default that of build-image.")
@click.option("--check", "names", metavar="NAME", multiple=True, help="Only this. Repeatable.")
@form_option
@color_option
def selfcheck(provider: str | None, image: str | None, names: tuple[str, ...], form: str) -> None:
    """Try on this machine what sandboxes promise: limits, walls, and how commands end.

    Ends with 0 if all checks pass, with 1 if one fails, and with 125 if there are no sandboxes.
    """
    from policyc.runtime.sandbox.registry import choose  # noqa: PLC0415  # by need
    from policyc.runtime.sandbox.selfcheck import CHECKS  # noqa: PLC0415
    from policyc.runtime.sandbox.selfcheck import selfcheck as checked  # noqa: PLC0415

    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        raise Refusal(f"there is no check `{unknown[0]}`", f"there are {', '.join(CHECKS)}")
    context = click.get_current_context()
    terminal = Terminal.of(sys.stdout)
    with failing_as_sandbox(context):
        chosen = choose(provider)
        found = []
        with Progress(total=len(names or CHECKS)) as progress:
            for result in checked(chosen, image=image, names=names or None):
                found.append(result)
                progress.clear()
                if form == "text":
                    word = "passed" if result.passed else "FAILED"
                    mark = terminal.styled(word, "good" if result.passed else "error")
                    terminal.write(f"{mark}  {result.name}: {printable(result.seen)}")
                progress.step()
    failed = sum(not one.passed for one in found)
    if form == "json":
        told = [one.to_dict() for one in found]
        terminal.write(json_text({"provider": chosen.name, "failed": failed, "checks": told}))
    else:
        terminal.write(f"{chosen.name}: {counted(len(found), 'check')}, {failed} failed")
    context.exit(FOUND if failed else CLEAN)


@click.command(short_help="Offer a sandbox to a coding agent, over MCP.")
@sandbox_options
@click.option("--sandbox", metavar="ID", help="One that is there, instead of a new one.")
@click.option(
    "--upload", "uploads", metavar="PATH", multiple=True, help="Copied into /ws before. Repeatable."
)
@click.option("--trace-out", metavar="FILE", help="Write the trace there at the end, as JSON.")
def mcp(
    *, asked: Asked, sandbox: str | None, uploads: tuple[str, ...], trace_out: str | None
) -> None:
    """Offer a sandbox to an MCP client on standard input and output.

    Its tools are bash, read_file, write_file, edit_file and list_files. Each call is judged; one
    that is refused is an error of the tool, with the message of the rule.
    """
    from policyc.cli.run import write_trace  # noqa: PLC0415  # by need
    from policyc.runtime.sandbox.mcp import serve as serve_mcp  # noqa: PLC0415
    from policyc.runtime.sandbox.sandbox import Sandbox  # noqa: PLC0415

    if trace_out is not None:
        write_trace([], trace_out)  # what cannot be written is better said before anything runs
    with (
        failing_as_sandbox(click.get_current_context()),
        Sandbox.attach(sandbox) if sandbox else made(asked) as box,
    ):
        for path in uploads:
            box.upload(path, ".")
        try:
            serve_mcp(box)
        finally:
            if trace_out is not None:
                write_trace(box.trace, trace_out)


@click.command(short_help="Run sandboxes for other machines.")
@provider_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8070,
    show_default=True,
    help="The port to listen on; 0: a free one, which is printed.",
)
@click.option(
    "--key-file",
    type=click.File(encoding="utf-8"),
    help=f"A file with what clients have to send as X-API-Key. By default it is in {KEY_VARIABLE}.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), default=10, show_default=True, help="Of sandboxes."
)
@click.option(
    "--loosen",
    metavar="NAME",
    multiple=True,
    help="A protection that clients may do without. By default none.",
)
def serve(
    *,
    provider: str | None,
    host: str,
    port: int,
    key_file: IO[str] | None,
    limit: int,
    loosen: tuple[str, ...],
) -> None:
    """Run sandboxes for the provider `remote` of other machines.

    The gate is where the client is: whoever has the key runs anything in these sandboxes. Put TLS
    in front of it where others share the network.

    Ends with 0 on SIGTERM or Ctrl-C, with 2 if there is no key, with 125 if there are no sandboxes.
    """
    key = (key_file.read() if key_file else os.environ.get(KEY_VARIABLE, "")).strip()
    if not key:
        raise Refusal("clients need a key", f"set {KEY_VARIABLE} or --key-file")
    from policyc.runtime.sandbox.registry import choose  # noqa: PLC0415  # by need
    from policyc.runtime.sandbox.spec import LOOSENINGS  # noqa: PLC0415

    unknown = [name for name in loosen if name not in LOOSENINGS]
    if unknown:
        raise Refusal(f"there is no `{unknown[0]}` to be loosened", ", ".join(LOOSENINGS))
    try:
        from policyc.runtime.sandbox.remote.server import serve as served  # noqa: PLC0415
    except ImportError as error:
        raise Refusal(
            f"`policyc sandbox serve` needs the package `{error.name}`",
            "pip install 'policyc[server]'",
        ) from None
    terminal = Terminal.of(sys.stderr)
    if not is_own(host):
        terminal.write("others can reach this address: the key is all that keeps them out")
    with failing_as_sandbox(click.get_current_context()):
        served(
            choose(provider),
            key,
            listen(host, port),
            limit=limit,
            loosened=frozenset(loosen),  # type: ignore[arg-type]  # looked at above
            say=terminal.write,
        )
