"""A shell out of a program that is made for something else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell import escapes
from policyc.runtime.detectors.shell.interpreters import LANGUAGES
from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.shells import SHELLS
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"shell-escape": "starts a shell out of an editor, a pager, an archiver or an interpreter"}

_SHELL = re.compile(
    rf"(?:exec\s+)?(?:/(?:usr/)?bin/)?(?:{'|'.join(sorted(SHELLS))})(?:\s+-[ip]+)*(?:\s*[012]?[<>]&?\S*)*\s*(?:#.*)?;?"
)


def _started(call: Call) -> Found:
    """An escape whose command is a shell."""
    for data, word in call.executes:
        if data.text is not None and _is_shell(data.text):
            yield f"`{call.name}` starts a shell", word


def _is_shell(text: str) -> bool:
    return any(
        _SHELL.fullmatch(part.strip()) for part in re.split(r"[;|&\n]", text) if part.strip()
    )


def _wrapped(call: Call) -> Found:
    """`find . -exec /bin/sh \\;`, `nice /bin/sh`: programs that take a command as it is."""
    for before, word in zip(call.words, call.words[1:], strict=False):
        name = word.value.rpartition("/")[2]
        is_command = before.value in ("-exec", "-execdir", "-ok")
        if is_command and name in SHELLS:
            following = call.words[call.words.index(word) + 1 :]
            if not following or following[0].value in (";", "+", "-p", "-i"):
                yield f"`{call.name}` starts a shell", word


def _interactive(call: Call) -> Found:
    """`sudo sh` and the like are a matter of `privilege`; an `-i` out of a wrapper is not."""
    if "find" in call.context.wrappers or "xargs" in call.context.wrappers:
        return
    for data, word in call.executes:
        text = data.text or ""
        if re.search(
            r"pty\.spawn|\bexec[lv]p?e?\(\s*['\"](?:/bin/)?(?:ba|da|z)?sh\b|os\.setuid\(0\)|POSIX::setuid\(0\)",
            text,
        ):
            yield f"`{call.name}` starts a shell", word


RULES = (
    Rule(
        "shell-escape", _started, frozenset(escapes.HANDLERS) - {"nc", "ncat", "netcat", "ionice"}
    ),
    Rule("shell-escape", _started, LANGUAGES),
    Rule("shell-escape", _interactive, LANGUAGES),
    Rule("shell-escape", _wrapped, names("find gfind")),
    Rule("shell-escape", _started, names("ssh script expect tclsh")),
)
