"""`policyc run`: a command in a sandbox, judged before it runs and its output after."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any, Final

import click

from policyc.cli.exits import CLEAN, FOUND, Refusal, say_error, say_warning
from policyc.cli.parameters import read_parameters
from policyc.cli.sandbox_options import (
    Asked,
    ask_of,
    policies_of,
    sandbox_options,
    settings_of,
    spec_of,
)
from policyc.cli.terminal import Terminal, color_option, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.sandbox.gate import Refused
    from policyc.runtime.sandbox.operations import Result
    from policyc.runtime.sandbox.sandbox import Sandbox

TIMED_OUT: Final = 124
SANDBOX_FAILED: Final = 125
REFUSED: Final = 126
"""What `policyc run` ends with besides the exit code of the command, as `timeout`, `docker run` and
shells do."""

_SIGNAL: Final = 128


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@sandbox_options
@click.option("-i", "--stdin", "passes_input", is_flag=True, help="Pass standard input on.")
@click.option("--cwd", metavar="FOLDER", help="Where the command runs; by default /ws.")
@click.option(
    "--stream",
    is_flag=True,
    help="Print output while the command runs, as far as the policy lets it; what was printed "
    "cannot be taken back.",
)
@click.option(
    "--upload",
    "uploads",
    metavar="PATH",
    multiple=True,
    help="A file or folder that is copied into /ws before. Repeatable.",
)
@click.option(
    "--trace",
    "trace",
    metavar="FILE",
    help="Do the tool calls of a recorded trace instead of a command.",
)
@click.option(
    "--trace-out", metavar="FILE", help="Write the trace of what happened there, as JSON."
)
@color_option
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--] COMMAND...")
def command(
    *,
    asked: Asked,
    passes_input: bool,
    cwd: str | None,
    stream: bool,
    uploads: tuple[str, ...],
    trace: str | None,
    trace_out: str | None,
    words: tuple[str, ...],
) -> None:
    """Run a command in a sandbox of its own.

    The policy judges the command before it runs, and its output before it is printed. One word is a
    script for bash; several are a command with its arguments.

    \b
      policyc run -- 'ls -la && echo hi'
      policyc run --upload src --allow-host pypi.org -- pip download requests
      policyc run --policy mail.inv --trace actions.json --trace-out happened.json

    Ends with the exit code of the command; 124 if it took too long, 125 if the sandbox failed, 126
    if the policy refused it or its output, 128 and the number of a signal that killed it. With
    --trace: 0 if all calls were done, 1 if not.
    """
    if bool(words) == bool(trace):
        raise Refusal(
            "there is nothing to run" if not words else "a command and `--trace` are two things",
            "write `policyc run -- COMMAND`, or `policyc run --trace FILE`",
        )
    text = text_of(words)
    stdin = read_input() if passes_input else b""
    events = None if trace is None else _read_trace(trace)
    if trace_out is not None:
        write_trace([], trace_out)  # what cannot be written is better said before anything runs
    context = click.get_current_context()
    with failing_as_sandbox(context), made(asked) as box:
        for path in uploads:
            for skipped in box.upload(path, "."):
                say_warning(f"not uploaded: {skipped}")
        try:
            if events is None:
                context.exit(_run(box, text, stdin=stdin, cwd=cwd, streams=stream))
            context.exit(_replay(box, events))
        finally:
            if trace_out is not None:
                write_trace(box.trace, trace_out)


def read_input() -> bytes:
    """Standard input, as far as a command may be given it and a byte more, for which it is
    refused."""
    from policyc.runtime.sandbox.files import MAX_BYTES  # noqa: PLC0415  # by need

    return sys.stdin.buffer.read(MAX_BYTES + 1)


def text_of(words: tuple[str, ...]) -> str:
    """The script that the words of a command line mean."""
    given = words[1:] if words[:1] == ("--",) else words
    return given[0] if len(given) == 1 else join(given)


@contextmanager
def made(asked: Asked, *, keep: bool = False) -> Iterator[Sandbox]:
    """A sandbox as the options ask for it."""
    from policyc.runtime.sandbox.sandbox import Sandbox  # noqa: PLC0415  # by need

    box = Sandbox(
        policies_of(asked),
        spec=spec_of(asked),
        provider=asked.provider,
        parameters=read_parameters(asked.options, asked.params_file),
        settings=settings_of(asked),
        ask=ask_of(asked),
        audit=asked.audit,
        keep=keep,
    )
    with box:
        for url in box.info.exposed_urls or ():
            Terminal.of(sys.stderr).write(f"{url.name}: {url.url}")
        yield box


@contextmanager
def failing_as_sandbox(context: click.Context) -> Iterator[None]:
    """What the policy refuses, and what goes wrong with the sandbox, have own exit codes."""
    from policyc.runtime.failures import BackendError  # noqa: PLC0415  # by need
    from policyc.runtime.sandbox.commands import InvalidCommand  # noqa: PLC0415
    from policyc.runtime.sandbox.gate import Refused  # noqa: PLC0415

    try:
        yield
    except InvalidCommand as error:
        raise Refusal(str(error)) from None
    except Refused as refused:
        say_refused(refused)
        context.exit(REFUSED)
    except BackendError as error:
        say_error(str(error))
        context.exit(SANDBOX_FAILED)


def say_refused(refused: Refused) -> None:
    """Say on standard error what was refused, by which rule, and where."""
    from policyc.cli.report import violation_lines  # noqa: PLC0415  # by need

    terminal = Terminal.of(sys.stderr)
    what = "the command was not run" if refused.stage == "call" else "its output is withheld"
    if not refused.decision.violations:
        say_error(f"{what}: {refused.decision.reason}")
        return
    for violation in refused.decision.violations:
        # An output that is withheld is not shown in an excerpt either.
        for line in violation_lines(violation, refused.events, terminal):
            terminal.write(line)
    say_error(f"{what}: the policy forbids it")


def finish(result: Result) -> int:
    """Print an output that was not printed yet; the exit code for how the command ended."""
    from policyc.runtime.sandbox.execution import End  # noqa: PLC0415  # by need

    if result.redacted:
        say_warning("parts of the output are masked by the policy")
    if result.truncated:
        say_warning("the command wrote more than it may, and was killed: a part is left out")
    match result.end:
        case End.EXITED:
            return result.exit_code if result.exit_code is not None else SANDBOX_FAILED
        case End.TIMEOUT:
            say_error("the command took too long, and was killed", "`--timeout` sets the time")
            return TIMED_OUT
        case End.SIGNALLED:
            return _SIGNAL + (result.signal or 0)
        case End.OUTPUT:
            return _SIGNAL + 9
        case _:
            say_error(f"the command ended with {result.end.value}")
            return SANDBOX_FAILED


def print_result(result: Result) -> None:
    """Print an output on the streams that it was written to."""
    for stream, data in ((sys.stdout, result.stdout), (sys.stderr, result.stderr)):
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()


def _run(box: Sandbox, text: str, *, stdin: bytes, cwd: str | None, streams: bool) -> int:
    def show(name: str, data: bytes) -> None:
        stream = sys.stdout if name == "stdout" else sys.stderr
        stream.buffer.write(data)
        stream.buffer.flush()

    result = box.exec(text, stdin=stdin, cwd=cwd, on_output=show if streams else None)
    if not streams:
        print_result(result)
    return finish(result)


def _replay(box: Sandbox, events: list[dict[str, Any]]) -> int:
    from policyc.runtime.sandbox.actions import replay  # noqa: PLC0415  # by need

    done = list(replay(box, events))
    Terminal.of(sys.stdout).write(json_text({"calls": [one.to_dict() for one in done]}))
    return FOUND if any(one.verdict != "done" for one in done) else CLEAN


def _read_trace(path: str) -> list[dict[str, Any]]:
    from policyc.runtime.trace_reading import read_trace  # noqa: PLC0415  # by need

    if not Path(path).exists():
        raise Refusal(f"there is no file `{path}`")
    return read_trace(Path(path))


def write_trace(trace: list[dict[str, Any]], path: str) -> None:
    """Write a trace as a file of JSON."""
    try:
        Path(path).write_text(json_text(trace) + "\n", "utf-8")
    except OSError as error:
        raise Refusal(f"`{path}` cannot be written: {error.strerror}") from None
