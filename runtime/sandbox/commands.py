"""The text of a command: what is judged and what runs are the same text, whatever belongs to it.

The folder and the variables of a command are written into it. What it reads from its standard input
is judged as a script where it is one: where a shell or a Python in the command has nothing else to
run.
"""

from __future__ import annotations

import posixpath
import re
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.detectors.shell.detector import read_shell
from policyc.runtime.detectors.shell.shells import SHELLS
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.files import MAX_BYTES, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PYTHON: Final = re.compile(r"i?python[0-9.]*|pypy[0-9.]*")
_VALUED: Final = ("--rcfile", "--init-file", "--check-hash-based-pycs")
_INPUT: Final = re.compile(r"-|/+dev/(stdin|fd/0)|/+proc/[^/]+/fd/0")


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
        arguments |= dict.fromkeys(_input_keys(text), shown(stdin))
    return arguments


def _input_keys(text: str) -> list[str]:
    """The arguments under which a policy sees what a command reads: `input` is a script to
    detectors of commands, `code` is Python, `stdin` is data."""
    keys = set()
    for command in read_shell(text).commands:
        name = command.name.rpartition("/")[2]
        if name in SHELLS and _reads_script(command.argv[1:], script="c", valued="oO"):
            keys.add("input")
        if _PYTHON.fullmatch(name) and _reads_script(command.argv[1:], script="cm", valued="WX"):
            keys.add("code")
    return sorted(keys) or ["stdin"]


def _reads_script(words: Sequence[str], *, script: str, valued: str) -> bool:
    """Whether an interpreter with these arguments runs what it reads: where there is doubt, it
    does.

    Args:
        words: the arguments.
        script: letters of options that say what else is run.
        valued: letters of options with a value, which is the next word if it is not in theirs.
    """
    left = iter(words)
    for word in left:
        if word == "-":
            return True
        if word == "--":
            word = next(left, "-")  # the file, if any
        elif word.startswith("--"):
            if word in _VALUED:
                next(left, None)
            continue
        elif word[:1] in ("-", "+"):
            for number, letter in enumerate(word[1:], 2):
                if letter in script:
                    return False
                if letter in valued:
                    if letter in "WX" and number < len(word):
                        break  # the rest is the value; shells always take the next word
                    next(left, None)
                if letter == "s" and script == "c":
                    return True
            continue
        return _INPUT.fullmatch(posixpath.normpath(word)) is not None
    return True
