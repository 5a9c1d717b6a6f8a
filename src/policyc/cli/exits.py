"""How a command ends: the exit codes, and the message for each exception.

Messages go to standard error. A fault of policyc itself never shows a traceback unless
POLICYC_DEBUG is set.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Final

import click

from policyc.cli.terminal import Terminal
from policyc.grammar.printable import printable

CLEAN: Final = 0
FOUND: Final = 1
"""Violations, rules that failed, files that are not formatted."""
BAD_INPUT: Final = 2
"""A policy, a trace or the arguments cannot be used."""
FAULT: Final = 3
"""policyc itself failed, or what it depends on."""
INTERRUPTED: Final = 130
READER_GONE: Final = 141
"""Nobody reads the output any more; what a shell reports of a program ended by a closed pipe."""


class Refusal(click.ClickException):
    """Input that cannot be used. `message` starts in lower case; `hint` is what to do about it."""

    exit_code = BAD_INPUT

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ReaderGone(Exception):
    """The reader of the output closed it, as `head` does."""


def accept_any_text() -> None:
    """Let the standard streams take every text: what their encoding lacks becomes an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say_error(message: str, hint: str | None = None) -> None:
    """Print an error, and what to do about it, on standard error."""
    terminal = Terminal.of(sys.stderr)
    terminal.write(f"{terminal.styled('error', 'error')}: {printable(message)}")
    if hint:
        terminal.write(f"  {terminal.styled('= help:', 'quiet')} {printable(hint)}")


def say_warning(message: str) -> None:
    """Print a warning on standard error."""
    terminal = Terminal.of(sys.stderr)
    terminal.write(f"{terminal.styled('warning', 'warning')}: {printable(message)}")


def report(error: Exception) -> int:
    """Print what an exception means to whoever ran the command; the exit code for it."""
    from policyc.grammar.diagnostics import PolicycError, PolicyError  # noqa: PLC0415  # by need

    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case ReaderGone() | BrokenPipeError():
            _silence_output()
            return READER_GONE
        case click.Abort():
            return INTERRUPTED
        case Refusal():
            say_error(error.message, error.hint)
            return error.exit_code
        case click.ClickException():
            error.show()
            return error.exit_code
        case PolicyError():
            from policyc.grammar.rendering import render_text  # noqa: PLC0415

            terminal = Terminal.of(sys.stderr)
            text = render_text(error.diagnostics, color=terminal.color, width=terminal.width)
            terminal.write(text.rstrip("\n"))
            return BAD_INPUT
        case PolicycError():
            from policyc.runtime.failures import BackendError  # noqa: PLC0415

            say_error(str(error))
            return FAULT if isinstance(error, BackendError) else BAD_INPUT
        case OSError() if error.filename is not None:
            say_error(f"cannot read `{error.filename}`: {reason(error)}")
            return BAD_INPUT
    return _report_fault(error)


def reason(error: OSError) -> str:
    """Why a file cannot be used, in lower case."""
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]


def _report_fault(error: Exception) -> int:
    if os.environ.get("POLICYC_DEBUG"):
        import traceback  # noqa: PLC0415  # seldom needed

        traceback.print_exception(error)
        return FAULT
    say_error(
        f"policyc itself failed: {type(error).__name__}: {error}",
        "this is a fault of policyc; please report it with the command and its input. "
        "POLICYC_DEBUG=1 shows where it happened",
    )
    return FAULT


def _silence_output() -> None:
    """Point standard output to nowhere, so that its flush at the end of the process is quiet."""
    try:
        target = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, target)
    os.close(nowhere)
