"""Opening ways into this machine, and looking for those into others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.hosts import is_local
from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {
    "remote-access": "opens a tunnel or a port through which others get in",
    "network-scan": "searches other machines for ways in",
}


def _forwards(call: Call) -> Found:
    for option, text in (
        ("-R", "a way back into this network"),
        ("-D", "a way through this machine"),
    ):
        for word in call.options.all(option):
            yield f"opens {text}", word


_TUNNELS = names(
    "ngrok cloudflared chisel frpc frps bore localtunnel lt serveo tailscale zrok "
    "sshuttle gsocket gs-netcat tmate "
    "ligolo revsocks rathole pagekite teleport dnscat2 iodine ptunnel"
)


def _tunnels(call: Call) -> Found:
    text = " ".join(call.args)
    if re.match(r"(?:-{0,2}version|-h|--help|-V|help|status|login --help)$", text) or (
        call.name == "tailscale" and not re.match(r"(?:up|funnel|serve|ssh)\b", text)
    ):
        return
    yield f"`{call.name}` opens a tunnel into this machine", None


def _listens(call: Call) -> Found:
    text = " ".join(call.args)
    if call.name == "socat":
        if re.search(r"(?i)(?:tcp|udp|openssl)\d?-listen:", text) and re.search(
            r"(?i)\b(?:tcp|udp)\d?(?:-connect)?:", text
        ):
            yield "forwards a port to another machine", None
    elif "-l" in call.flags or "--listen" in call.flags:
        yield "waits for connections from others", None


_SCANNERS = names(
    "nmap masscan zmap rustscan unicornscan hydra medusa ncrack sqlmap nikto "
    "gobuster dirb dirbuster ffuf wfuzz wpscan "
    "nuclei enum4linux crackmapexec netexec responder bettercap ettercap arpspoof "
    "dsniff msfconsole metasploit feroxbuster "
    "linpeas linpeas.sh linenum.sh pspy pspy64 lse.sh"
)


def _scans(call: Call) -> Found:
    if re.match(r"(?:--version|-V|--help|-h)$", " ".join(call.args)):
        return
    if call.hosts and all(is_local(host) for host in call.hosts):
        return
    yield f"`{call.name}` searches for ways in", None


RULES = (
    Rule("remote-access", _forwards, names("ssh autossh")),
    Rule("remote-access", _tunnels, _TUNNELS),
    Rule("remote-access", _listens, names("nc ncat netcat nc.openbsd nc.traditional socat")),
    Rule("network-scan", _scans, _SCANNERS),
)
