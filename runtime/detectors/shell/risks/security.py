"""Switching off what protects the machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"security-off": "switches off a firewall, an audit or another protection"}

_FORMS = {
    "setenforce": r"0|(?i:permissive)",
    "iptables": r".*(?:-F|--flush|-X|-P (?:INPUT|FORWARD|OUTPUT) ACCEPT)",
    "ip6tables": r".*(?:-F|--flush|-X|-P (?:INPUT|FORWARD|OUTPUT) ACCEPT)",
    "nft": r"flush ruleset|delete table",
    "ufw": r"(?:--force )?(?:disable|reset)",
    "firewall-cmd": r".*--panic-off|.*--set-default-zone=trusted",
    "csrutil": r"disable",
    "spctl": r".*--(?:master-|global-)?disable",
    "aa-teardown": r"",
    "aa-disable": r".+",
    "aa-complain": r".+",
    "setsebool": r".+",
    "apparmor_parser": r"(?:-R|--remove)",
    "auditctl": r".*-e ?0|.*-D",
    "sysctl": (
        r".*(?:randomize_va_space|kptr_restrict|dmesg_restrict|yama\.ptrace_scope|"
        r"perf_event_paranoid|unprivileged_bpf_disabled|protected_\w+) ?= ?-?[01]\b"
    ),
    "netsh": r".*(?:firewall|advfirewall).*(?:off|disable)",
    "Set-MpPreference": r".*Disable",
    "pfctl": r".*-(?:d|F)",
    "fail2ban-client": r"stop|.*unban --all",
    "kubectl": r"delete (?:networkpolic|podsecuritypolic|validatingwebhook|mutatingwebhook)",
    "gh": r"(?:api .*protection.*DELETE|api .*DELETE.*protection)",
    "npm": r"config set (?:ignore-scripts false|strict-ssl false|audit false)",
    "git": r"config .*http\.sslverify false",
}
_PATTERNS = {name: re.compile(form, re.I) for name, form in _FORMS.items()}
_SERVICES = re.compile(
    r"(?:auditd?|apparmor|firewalld?|ufw|iptables|nftables|selinux\S*|fail2ban|crowdsec|falco|clamav\S*|rsyslog|syslog|"
    r"systemd-journald|sshguard|ossec\S*|wazuh\S*|osqueryd|falcon-sensor|mdatp|windefend|aide|tripwire)(?:\.service)?"
)
_FILES = re.compile(
    r"/etc/selinux/config|/sys/fs/selinux/enforce|/sys/kernel/security/.*|"
    r"/proc/sys/kernel/(?:randomize_va_space|kptr_restrict|yama/ptrace_scope|dmesg_restrict|sysrq)"
)


def _commands(call: Call) -> Found:
    if _PATTERNS[call.name].match(" ".join(call.args)):
        yield "switches a protection off", None


def _services(call: Call) -> Found:
    verbs = call.verbs
    is_stop = {"stop", "disable", "mask", "kill"} & set(verbs)
    for word in call.operands:
        if is_stop and _SERVICES.fullmatch(word.value):
            yield f"stops `{word.shown}`", word
    if call.name in ("pkill", "killall"):
        for word in call.operands:
            if _SERVICES.fullmatch(word.value):
                yield f"stops `{word.shown}`", word


def _writes(call: Call) -> Found:
    for path, word in call.writes:
        if _FILES.fullmatch(path):
            yield f"changes a protection: `{word.shown}`", word


RULES = (
    Rule("security-off", _commands, frozenset(_FORMS)),
    Rule(
        "security-off", _services, names("systemctl service rc-service pkill killall launchctl sc")
    ),
    Rule("security-off", _writes, about="writes"),
)
