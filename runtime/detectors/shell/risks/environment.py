"""Variables that make other programs run something else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.values import UNKNOWN
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.values import Word

KINDS = {"environment-tampering": "sets a variable that makes other programs run or load something"}

_LOADERS = re.compile(
    r"LD_PRELOAD|LD_AUDIT|DYLD_INSERT_LIBRARIES|BASH_ENV|ENV|PROMPT_COMMAND|PERL5OPT|PERL5DB|PYTHONSTARTUP|"
    r"RUBYOPT|GIT_SSH_COMMAND|GIT_SSH|GIT_EXTERNAL_DIFF|GIT_ASKPASS|SSH_ASKPASS|LESSOPEN|LESSCLOSE|GCONV_PATH|SUDO_ASKPASS|"
    r"BASH_FUNC_.*|NODE_OPTIONS|JAVA_TOOL_OPTIONS|PS4|SHELLOPTS|BROWSER|MANPAGER|PAGER|EDITOR|VISUAL|GIT_EDITOR|GIT_PAGER"
)
_WRITABLE = re.compile(r"(?:/tmp|/var/tmp|/dev/shm|\.)(?:/[^:]*)?(?::|$)|:")
_MILD = names(
    "PAGER EDITOR VISUAL GIT_EDITOR GIT_PAGER MANPAGER BROWSER NODE_OPTIONS "
    "JAVA_TOOL_OPTIONS ENV PS4 GIT_SSH_COMMAND GIT_ASKPASS SSH_ASKPASS"
)
_PLAIN = re.compile(
    r"(?:cat|less(?: [-\w]+)*|more|true|:|vim?|nano|emacs|code(?: --wait)?|dev|"
    r"development|prod|production|test|staging|local|"
    r"--max[-_]old[-_]space[-_]size=\d+|--experimental[\w-]+|--no-[\w-]+|"
    r"-X[\w.:]+(?: -X[\w.:]+)*|\+.*|echo|ssh(?: -[io] ?[\w=/.~-]+)*|)"
)


def _sets(call: Call) -> Found:
    pairs: list[tuple[str, str, Word | None]] = [
        (name, value.text, None) for name, value in call.context.assigned
    ]
    if call.name in ("env", "sudo", "export", "declare", "doas", "typeset"):
        for word in call.words[1:]:
            name, equals, value = word.value.partition("=")
            if equals and re.fullmatch(r"[A-Za-z_]\w*", name):
                pairs.append((name, value, word))
    for name, value, at in pairs:
        if _LOADERS.fullmatch(name):
            if name in _MILD and _PLAIN.fullmatch(value):
                continue
            if value and not (name in _MILD and value == UNKNOWN):
                yield f"`{name}` makes other programs run something", at
        elif name == "PATH" and value and _WRITABLE.match(value):
            yield "programs are looked for where anybody can put them", at


RULES = (Rule("environment-tampering", _sets),)
