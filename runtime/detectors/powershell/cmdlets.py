"""What cmdlets and aliases are as commands that the rules of `shell` know, and rules for what only
Windows has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.detectors.shell.values import Word

ALIASES = {
    alias: name
    for name, aliases in {
        "remove-item": "rm ri del erase rd rmdir",
        "copy-item": "cp cpi copy",
        "move-item": "mv mi move",
        "get-content": "cat gc type",
        "set-content": "sc",
        "add-content": "ac",
        "out-file": "",
        "get-childitem": "ls gci dir",
        "invoke-webrequest": "iwr curl wget",
        "invoke-restmethod": "irm",
        "invoke-expression": "iex",
        "invoke-command": "icm",
        "start-process": "saps start",
        "stop-process": "kill spps",
        "write-output": "echo write",
        "set-location": "cd sl chdir",
        "foreach-object": "foreach %",
        "where-object": "where ?",
        "get-process": "ps gps",
        "tee-object": "tee",
    }.items()
    for alias in aliases.split()
}
"""Full names by alias."""

COMMANDS = {
    "remove-item": "rm",
    "clear-content": "truncate",
    "copy-item": "cp",
    "move-item": "mv",
    "get-content": "cat",
    "set-content": "tee",
    "add-content": "tee",
    "out-file": "tee",
    "tee-object": "tee",
    "invoke-webrequest": "curl",
    "invoke-restmethod": "curl",
    "stop-computer": "shutdown",
    "restart-computer": "reboot",
    "get-childitem": "ls",
    "write-output": "echo",
    "write-host": "echo",
}
"""The command of a Unix shell that does what a cmdlet does."""

_PARAMETERS = {
    "-recurse": "-r",
    "-force": "-f",
    "-outfile": "-o",
    "-infile": "-T",
    "-body": "-d",
    "-uri": "--url",
    "-method": "-X",
    "-destination": "",
    "-path": "",
    "-literalpath": "",
    "-filepath": "",
    "-value": None,
    "-encoding": None,
    "-erroraction": None,
    "-headers": None,
    "-useragent": None,
    "-contenttype": None,
    "-filter": None,
    "-include": None,
    "-exclude": None,
}
"""Parameters as options of those commands: empty for an operand, None where the value is of no
interest."""
_SWITCHES = names("-recurse -force")


def as_command(name: str, words: list[Word]) -> list[Word]:
    """The words of a cmdlet as those of the command that does the same."""
    if name not in COMMANDS:
        return words
    found = [words[0].with_value(COMMANDS[name])]
    rest = iter(words[1:])
    for word in rest:
        option = _full(word.value.lower())
        if option in _SWITCHES:
            found.append(word.with_value(_PARAMETERS[option] or ""))
        elif option in _PARAMETERS:
            value, kept = next(rest, None), _PARAMETERS[option]
            if value is not None and kept is not None:
                found += [word.with_value(kept), value] if kept else [value]
        elif not option.startswith("-"):
            found.append(word.with_value(word.value.replace("\\", "/")))
    return found


def _full(option: str) -> str:
    """Parameters may be shortened as long as they are clear."""
    if len(option) < 2 or option[0] != "-":
        return option
    return next((one for one in _PARAMETERS if one.startswith(option)), option)


_WINDOWS: tuple[tuple[str, str, str], ...] = (
    (
        "destructive-delete",
        r"rm (?=(?:.* )?-r\b)(?:.* )?(?:[a-z]:/?\*?|"
        r"[a-z]:/(?:windows|users|program files)\b.*|\*)(?: |$)",
        "deletes a drive or a system folder",
    ),
    (
        "destructive-delete",
        r"(?:rd|rmdir|del|erase) .*/s\b.*[a-z]:",
        "deletes a drive or a system folder",
    ),
    (
        "destructive-delete",
        r"vssadmin delete shadows|wbadmin delete|wmic shadowcopy delete|"
        r"bcdedit .*recoveryenabled no",
        "deletes backups",
    ),
    (
        "raw-disk",
        r"(?:format-volume|clear-disk|initialize-disk|remove-partition|set-disk|diskpart)\b",
        "changes a disk",
    ),
    (
        "fetch-to-exec",
        r"(?:mshta|regsvr32|rundll32|msiexec|installutil|cmstp)\b.*https?:",
        "fetches and runs a program",
    ),
    (
        "persistence",
        r"(?:register-scheduledtask|new-scheduledtask\w*|register-scheduledjob|"
        r"new-service)\b|sc(?:\.exe)? create|schtasks .*/create",
        "makes something start by itself",
    ),
    (
        "persistence",
        r"(?:set-itemproperty|new-itemproperty|reg add|"
        r"set-item)\b.*currentversion/(?:run|runonce|policies/explorer/run)|winlogon",
        "makes a login start something",
    ),
    (
        "persistence",
        r".*(?:start menu/programs/startup|microsoft\.powershell_profile)",
        "makes a login start something",
    ),
    (
        "persistence",
        r"new-localuser\b|net user .*/add|register-wmievent|set-wmiinstance .*__eventfilter",
        "makes an account or a trigger",
    ),
    (
        "privilege",
        r"start-process .*-verb runas|runas\b|psexec\b",
        "runs something with more rights",
    ),
    (
        "escalation",
        r"add-localgroupmember .*administrators|net localgroup administrators .*/add",
        "makes an account an administrator",
    ),
    (
        "log-tampering",
        r"(?:clear-eventlog|limit-eventlog|remove-eventlog|clear-history)\b|"
        r"wevtutil cl|set-psreadlineoption .*savenothing|.*consolehost_history",
        "deletes logs or the history",
    ),
    (
        "security-off",
        r"(?:set|add)-mppreference .*(?:-disable|-exclusion)|"
        r"set-netfirewallprofile .*false|netsh (?:adv)?firewall .*(?:off|disable)|"
        r"stop-service .*(?:windefend|mpssvc|wscsvc|eventlog)|"
        r"sc(?:\.exe)? stop windefend",
        "switches a protection off",
    ),
    (
        "security-off",
        r"set-executionpolicy .*(?:bypass|unrestricted)|.*amsi(?:utils|initfailed|scanbuffer)",
        "lets any script run",
    ),
    (
        "credential-access",
        r"reg save hklm/(?:sam|system|security)|.*comsvcs.*minidump|.*mimikatz|"
        r"invoke-mimikatz|cmdkey /list|.*ntds\.dit|rundll32 .*keymgr|"
        r"get-storedcredential|vaultcmd /list",
        "reads passwords",
    ),
    (
        "denial-of-service",
        r"stop-process .*-name (?:lsass|winlogon|csrss)|shutdown(?:\.exe)? .*/[srpf]",
        "stops the machine",
    ),
    (
        "package-install",
        r"(?:install-module|install-package|install-script|add-appxpackage|"
        r"import-module https?:)\b",
        "installs software",
    ),
    (
        "remote-access",
        r"enable-psremoting|set-item wsman:.*trustedhosts|new-netfirewallrule .*inbound.*allow",
        "lets others in",
    ),
)
_RULES = tuple((kind, re.compile(form), reason) for kind, form, reason in _WINDOWS)


def windows_risks(line: str) -> Iterator[tuple[str, str]]:
    """The kind and the reason of each risk of a command: its words in lower case, `/` in paths."""
    for kind, form, reason in _RULES:
        if form.match(line):
            yield kind, reason


DOWNLOADS = re.compile(
    r"(?i)download(?:string|data|file)|net\.webclient|httpclient|\b(?:iwr|irm|invoke-webrequest|invoke-restmethod|curl|wget)\b"
    r"|start-bitstransfer|msxml2\.xmlhttp"
)
SOCKETS = re.compile(r"(?i)net\.sockets\.(?:tcpclient|tcplistener)|udpclient")
