"""What starts again by itself, or lets somebody in later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"persistence": "makes something start by itself later, or lets somebody in again"}

_PLACES: tuple[tuple[str, str], ...] = (
    (r"(?:.*/)?\.ssh/(?:authorized_keys2?|rc|environment|config)", "who may log in"),
    (
        r"(?:~|.*)/\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zprofile|zshenv|zlogin|kshrc|cshrc|tcshrc|login|xprofile|xinitrc|xsession|inputrc|vimrc|config/fish/config\.fish|config/autostart/.*|config/systemd/user/.*|pam_environment)",
        "what a login starts",
    ),
    (
        r"/etc/(?:profile|bash\.bashrc|bashrc|zsh/.*|environment|rc\.local|inittab|profile\.d/.*|skel/.*|update-motd\.d/.*|pam\.d/.*|security/.*)",
        "what a login starts",
    ),
    (
        r"/etc/(?:cron[^/]*(?:/.*)?|anacrontab|at\.allow)|/var/spool/(?:cron|at)(?:/.*)?",
        "the timetable",
    ),
    (
        r"/(?:etc|lib|usr/lib|usr/local/lib|run)/systemd/(?:system|user)(?:/.*)?|/etc/init(?:\.d)?/.*|/etc/rc\d?\.d/.*",
        "the services",
    ),
    (r"/etc/ld\.so\.(?:preload|conf(?:\.d/.*)?)", "what every program loads"),
    (
        r"/etc/(?:modules|modules-load\.d/.*|modprobe\.d/.*|udev/rules\.d/.*|xdg/autostart/.*|NetworkManager/dispatcher\.d/.*|apt/apt\.conf\.d/.*|logrotate\.d/.*)",
        "what the system starts",
    ),
    (
        r"(?:.*/)?\.git/hooks/[^/.]+|(?:.*/)?\.(?:git)?/?config/git/hooks/.*|.*/site-packages/(?:.*\.pth|sitecustomize\.py|usercustomize\.py)",
        "what tools start",
    ),
    (r"(?:~|/|.*/)Library/Launch(?:Agents|Daemons)/.*", "what a login starts"),
    (r"/etc/ssh/sshd_config(?:\.d/.*)?", "who may log in"),
)
_ANY = re.compile("|".join(f"({pattern})" for pattern, _ in _PLACES))


def _writes(call: Call) -> Found:
    if call.name in (
        "rm",
        "unlink",
        "shred",
        "rmdir",
        "truncate",
        "chmod",
        "chown",
        "mkdir",
        "touch",
    ):
        return
    for path, word in call.writes:
        match = _ANY.fullmatch(path)
        if match is not None:
            yield f"changes {_PLACES[(match.lastindex or 1) - 1][1]}: `{word.shown}`", word


def _crontab(call: Call) -> Found:
    if {"-l", "-r", "-e"} & call.flags and not call.operands:
        if "-r" in call.flags:
            yield "deletes the timetable", None
        return
    if call.stdin is not None or call.operands:
        yield "changes the timetable", None


def _enables(call: Call) -> Found:
    verbs = call.verbs
    if call.name == "systemctl" and verbs[:1] in (
        ["enable"],
        ["link"],
        ["edit"],
        ["preset"],
        ["reenable"],
    ):
        yield "makes a service start by itself", None
    elif call.name in ("update-rc.d", "chkconfig", "rc-update") and verbs:
        if re.search(r"\b(?:defaults|enable|on|add)\b", " ".join(verbs)):
            yield "makes a service start by itself", None
    elif call.name == "launchctl" and verbs[:1] in (
        ["load"],
        ["bootstrap"],
        ["submit"],
        ["enable"],
    ):
        yield "makes a service start by itself", None
    elif call.name == "schtasks" and "/create" in [arg.lower() for arg in call.args]:
        yield "makes a task start by itself", None
    elif call.name == "loginctl" and verbs[:1] == ["enable-linger"]:
        yield "keeps programs running after a logout", None
    elif call.name in ("insmod", "modprobe", "kextload") and verbs and "-r" not in call.flags:
        yield "loads a module into the kernel", None


def _schedules(call: Call) -> Found:
    if call.stdin is not None or {"-f"} & call.flags or call.name == "systemd-run":
        timed = any(arg.startswith(("--on-", "--timer")) for arg in call.args)
        if call.name != "systemd-run" or timed:
            yield "runs something later", None


def _accounts(call: Call) -> Found:
    if (
        (call.name in ("useradd", "adduser", "newusers") and call.operands)
        or (
            call.name in ("dscl", "sysadminctl")
            and re.search(r"-create|-addUser", " ".join(call.args))
        )
        or (call.name == "net" and call.verbs[:1] == ["user"] and "/add" in call.args)
    ):
        yield "makes an account", None
    elif call.name == "ssh-copy-id":
        yield "lets a key log in", None


def _configures_git(call: Call) -> Found:
    """Settings of git that start programs."""
    verbs = call.verbs
    if (
        verbs[:1] == ["config"]
        and len(verbs) > 2
        and re.match(
            r"(?i)core\.(?:hookspath|sshcommand|fsmonitor|pager|editor)|alias\.|credential\.helper|filter\..*\.(?:clean|smudge)",
            verbs[1],
        )
    ):
        starts = verbs[2].startswith("!") or re.match(
            r"(?i)core\.(?:hookspath|fsmonitor|sshcommand)|filter", verbs[1]
        )
        if starts:
            yield "makes git start a program", call.operands[1]


RULES = (
    Rule("persistence", _writes, about="writes"),
    Rule("persistence", _crontab, names("crontab")),
    Rule(
        "persistence",
        _enables,
        names(
            "systemctl update-rc.d chkconfig rc-update launchctl schtasks loginctl "
            "insmod modprobe kextload"
        ),
    ),
    Rule("persistence", _schedules, names("at batch systemd-run")),
    Rule(
        "persistence", _accounts, names("useradd adduser newusers dscl sysadminctl net ssh-copy-id")
    ),
    Rule("persistence", _configures_git, names("git")),
)
