"""Bringing the machine, or everything on it, to a stop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"denial-of-service": "halts the machine, kills everything, or uses it up"}


def _halts(call: Call) -> Found:
    if {"-c", "--help", "--show", "-k"} & call.flags:
        return
    yield f"`{call.name}` stops the machine", None


def _init(call: Call) -> Found:
    if call.verbs[:1] in (["0"], ["6"], ["1"]):
        yield "changes the run level of the machine", None


def _systemctl(call: Call) -> Found:
    if call.verbs[:1] in (
        ["poweroff"],
        ["reboot"],
        ["halt"],
        ["kexec"],
        ["rescue"],
        ["emergency"],
        ["suspend"],
    ):
        yield "stops the machine", None
    elif call.verbs[:1] in (["stop"], ["disable"], ["mask"]) and re.match(
        r"(?:ssh|sshd|docker|containerd|kubelet|network|networking|NetworkManager|systemd-\w+|dbus)(?:\.service)?$",
        " ".join(call.verbs[1:2]),
    ):
        yield f"stops `{call.verbs[1]}`", None


def _kills(call: Call) -> Found:
    if call.name == "kill":
        for word in call.words[1:]:
            if word.value in ("-1", "1") and word is not call.words[1]:
                yield "kills every process", word
        if call.args == ["-1"] or (call.args[:1] == ["--"] and call.args[1:] == ["-1"]):
            yield "kills every process", None
    elif call.name == "killall5":
        yield "kills every process", None
    elif {"-u", "--user", "-U"} & call.flags and re.search(
        r"\broot\b|\$USER|\0", " ".join(call.args)
    ):
        yield "kills every process of a user", None
    elif call.name == "pkill" and call.verbs[:1] in (["."], [".*"], [""]):
        yield "kills every process", None


def _triggers(call: Call) -> Found:
    for path, word in call.writes:
        if path in ("/proc/sysrq-trigger", "/proc/sys/kernel/sysrq", "/sys/power/state"):
            yield "stops the machine", word


def _fills(call: Call) -> Found:
    """`yes > file`, `cat /dev/zero > file`, `dd if=/dev/zero of=file` without an end."""
    sources = [path for path, _ in call.reads]
    is_endless = call.name == "yes" or (call.name == "cat" and "/dev/zero" in sources)
    for redirect in call.redirects if is_endless else ():
        target = redirect.target
        if redirect.is_output and target is not None and not target.value.startswith("/dev/"):
            yield "fills the disk", target
    noise = {"/dev/zero", "/dev/urandom"} & set(sources)
    has_end = any(arg.startswith("count=") for arg in call.args)
    if call.name == "dd" and noise and call.writes and not has_end:
        yield "fills the disk", None


def _loads(call: Call) -> Found:
    yield f"`{call.name}` uses the machine up", None


RULES = (
    Rule("denial-of-service", _halts, names("shutdown reboot poweroff halt")),
    Rule("denial-of-service", _init, names("init telinit")),
    Rule("denial-of-service", _systemctl, names("systemctl")),
    Rule("denial-of-service", _kills, names("kill killall killall5 pkill slay")),
    Rule("denial-of-service", _fills, names("yes cat dd")),
    Rule("denial-of-service", _triggers, about="writes"),
    Rule(
        "denial-of-service",
        _loads,
        names("stress stress-ng xmrig minerd cpuminer ethminer cgminer hping3 slowloris"),
    ),
)
