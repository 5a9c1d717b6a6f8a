"""Running as somebody else, and getting more rights for good."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {
    "privilege": "runs something as another user, root by default",
    "escalation": "gives a program or an account more rights for good",
}


def _runs_as(call: Call) -> Found:
    if call.name in ("sudo", "doas", "sudo-rs") and {"-V", "--version", "-h", "--help"} & set(
        call.args
    ):
        return
    yield f"`{call.name}` runs something as another user", None


def _marks_setuid(call: Call) -> Found:
    operands = call.operands
    mode = operands[0] if operands else None
    if mode is None:
        return
    if re.search(r"(?:^|,)(?:[ugoa]*)[+=][rwxXt]*s", mode.value) or re.fullmatch(
        r"0?[2467][0-7]{3}", mode.value
    ):
        yield "lets a program run with the rights of its owner", mode


def _capabilities(call: Call) -> Found:
    if call.operands and "-r" not in call.flags:
        yield "gives a program capabilities", None


_GROUPS = re.compile(
    r"(?:^|,)(?:sudo|wheel|admin|root|docker|lxd|libvirt|disk|shadow|adm|kvm)(?:$|,)"
)


def _joins_group(call: Call) -> Found:
    options = call.options
    for word in [*options.all("-G", "--groups", "-g", "--gid"), *call.operands]:
        names_group = call.name in ("gpasswd", "addgroup", "adduser") or word not in call.operands
        if names_group and _GROUPS.search(word.value):
            yield f"puts an account into the group `{word.shown}`", word
    for word in options.all("-u", "--uid"):
        if word.value == "0":
            yield "makes an account root", word


def _writes(call: Call) -> Found:
    if call.name in ("rm", "unlink"):
        return
    for path, word in call.writes:
        if re.fullmatch(r"/etc/(?:sudoers|sudoers\.d/.*|doas\.conf|polkit-1/.*)", path):
            yield f"changes who may be root: `{word.shown}`", word
        elif re.fullmatch(r"/etc/(?:passwd|shadow|group|gshadow)-?", path):
            yield f"changes accounts: `{word.shown}`", word
        elif re.fullmatch(r"/proc/sys/kernel/(?:core_pattern|modprobe|hotplug)", path):
            yield f"makes the kernel start a program: `{word.shown}`", word


def _passwords(call: Call) -> Found:
    if call.name == "passwd" and not {"-S", "--status", "-l", "--lock"} & call.flags:
        if {"-d", "--delete", "-u"} & call.flags or "root" in call.verbs or call.stdin is not None:
            yield "changes a password", None
    elif call.name == "chpasswd" or (call.name == "visudo" and "-c" not in call.flags):
        yield "changes passwords or who may be root", None


RULES = (
    Rule(
        "privilege",
        _runs_as,
        names("sudo doas su pkexec runuser gosu su-exec sudo-rs run0 machinectl"),
    ),
    Rule("escalation", _marks_setuid, names("chmod")),
    Rule("escalation", _capabilities, names("setcap")),
    Rule("escalation", _joins_group, names("usermod useradd adduser gpasswd addgroup groupmod")),
    Rule("escalation", _writes, about="writes"),
    Rule("escalation", _passwords, names("passwd chpasswd visudo")),
)
