"""Removing the traces of what was done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"log-tampering": "deletes, empties or switches off histories and logs"}

_HISTORY = re.compile(r"(?:.*/)?\.(?:\w+_)?history|(?:.*/)?\.zsh_sessions(?:/.*)?")
_LOG = re.compile(
    r"/var/log(?:/.*)?|/(?:var/)?run/utmp|/var/(?:adm|audit)/.*|.*/(?:auth|secure|wtmp|btmp|lastlog|audit)\.log"
)
_VARIABLES = names(
    "HISTFILE HISTSIZE HISTFILESIZE HISTCONTROL HISTIGNORE SAVEHIST LESSHISTFILE MYSQL_HISTFILE"
)


def _history(call: Call) -> Found:
    if {"-c", "-d", "-w"} & call.flags and ("-c" in call.flags or "-d" in call.flags):
        yield "deletes the history of the shell", None


def _variables(call: Call) -> Found:
    for name, value in call.context.assigned:
        if _switches_off(name, value.text):
            yield f"`{name}` switches the history off", None
    if call.name == "unset":
        for word in call.operands:
            if word.value in _VARIABLES:
                yield f"without `{word.value}` there is no history", word
    elif call.name == "set" and any(
        pair == ("+o", "history") for pair in zip(call.args, call.args[1:], strict=False)
    ):
        yield "switches the history off", None


def _switches_off(name: str, value: str) -> bool:
    if name not in _VARIABLES:
        return False
    if name in ("HISTCONTROL", "HISTIGNORE"):
        return name == "HISTIGNORE" and "*" in value
    return value in ("", "0", "/dev/null")


def _removes(call: Call) -> Found:
    """Deleting, emptying, editing or linking away; writing a new log is no harm."""
    for path, word in call.writes:
        if _HISTORY.fullmatch(path) or (_LOG.fullmatch(path) and _destroys(call, path)):
            yield f"removes traces: `{word.shown}`", word


_DESTROYERS = names("rm unlink shred truncate sed ln mv srm wipe cp perl")


def _destroys(call: Call, path: str) -> bool:
    if call.name in _DESTROYERS:
        return call.name != "mv" or call.path(call.operands[-1]) != path
    for redirect in call.redirects:
        target = redirect.target
        empties = ">" in redirect.operator and ">>" not in redirect.operator
        if target is not None and empties and call.path(target) == path:
            return call.name in ("", ":", "true", "cat", "echo", "printf")
    return False


def _journal(call: Call) -> Found:
    if any(arg.startswith(("--vacuum", "--rotate", "--flush")) for arg in call.args):
        yield "deletes the journal", None


def _tools(call: Call) -> Found:
    text = " ".join(call.args)
    if call.name == "auditctl" and re.search(r"-D|-e ?0", text):
        yield "switches the audit off", None
    elif call.name == "dmesg" and {"-C", "-c", "--clear"} & call.flags:
        yield "deletes the messages of the kernel", None
    elif call.name == "wevtutil" and call.verbs[:1] in (["cl"], ["clear-log"]):
        yield "deletes the log of events", None
    elif call.name == "touch" and {"-r", "--reference"} & call.flags and call.operands:
        path = call.path(call.operands[-1])
        if path.startswith(("/etc", "/usr", "/bin", "/var")):
            yield "gives a file a false date", None
    elif call.name == "fc" and "-p" in call.flags:
        yield "switches the history off", None


RULES = (
    Rule("log-tampering", _history, names("history")),
    Rule("log-tampering", _variables),
    Rule("log-tampering", _removes, about="writes"),
    Rule("log-tampering", _journal, names("journalctl")),
    Rule("log-tampering", _tools, names("auditctl dmesg wevtutil touch fc")),
)
