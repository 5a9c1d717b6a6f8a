"""The text of a command: what is judged and what runs are the same text, whatever belongs to it.

The folder and the variables of a command are written into it. What it reads from its standard input
is judged as a script where it is one: where a shell or a Python in the command has nothing else to
run.
"""

from __future__ import annotations

import re
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.detectors.shell.detector import read_shell
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.files import MAX_BYTES, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHELLS: Final = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
_PYTHON: Final = re.compile(r"i?python[0-9.]*|pypy[0-9.]*")


class InvalidCommand(SandboxError):
    """A command that cannot be run; the message says why."""


def command_text(command: str, cwd: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """A script that runs a command in a folder, with variables.

    Raises:
        InvalidCommand: there is a character in it that no script may have, or no name of a
            variable.
    """
    lines = []
    if cwd is not None:
        lines.append(f"cd -- {quote(cwd)} || exit")
    for name, value in (env or {}).items():
        if not _NAME.fullmatch(name):
            raise InvalidCommand(f"`{name}` is no name of a variable")
        lines.append(f"export {name}={quote(value)}")
    text = "\n".join([*lines, command])
    if not text.strip():
        raise InvalidCommand("there is no command")
    if "\0" in text:
        raise InvalidCommand("a command cannot have the character NUL in it")
    return text


def command_arguments(text: str, stdin: bytes) -> dict[str, Any]:
    """The arguments of a call that runs a script, as the policy sees them.

    Raises:
        InvalidCommand: there is too much to be read.
    """
    if len(stdin) > MAX_BYTES:
        raise InvalidCommand(f"a command can be given {MAX_BYTES} bytes to read, not {len(stdin)}")
    arguments: dict[str, Any] = {"command": text}
    if stdin:
        arguments[_input_key(text)] = shown(stdin)
    return arguments


def _input_key(text: str) -> str:
    """The argument under which a policy sees what a command reads: `input` is a script to detectors
    of commands, `code` is Python, `stdin` is data."""
    key = "stdin"
    for command in read_shell(text).commands:
        name = command.name.rpartition("/")[2]
        words = command.argv[1:]
        has_script = any(word == "-c" or not word.startswith("-") for word in words)
        if not has_script or "-s" in words:
            if name in _SHELLS:
                return "input"
            if _PYTHON.fullmatch(name):
                key = "code"
    return key
