"""The hosts that a command may talk to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.values import UNKNOWN
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

_URL = re.compile(
    r"(?<![\w.+-])(?:[a-z][a-z0-9+.-]{1,20})://(?:[^\s/?#@\\]*@)?(\[[0-9a-fA-F:.]+\]|[^\s/:?#\\\"'<>]+)",
    re.I,
)
_REMOTE = re.compile(r"(?:[\w.+-]+@)?(\[[0-9a-fA-F:]+\]|[\w.\0-]+):(?!//|\d+$|\\)")
_NAME = re.compile(r"(?:[\w.+-]+@)?([A-Za-z0-9\0](?:[\w.\0-]*[\w\0])?|\[?[0-9a-fA-F:]{3,}\]?)")
_SOCKET = re.compile(r"/dev/(?:tcp|udp)/([^/\s]+)/")

_DATA_COMMANDS = names(
    "echo printf grep egrep fgrep rg ag ack sed awk gawk jq cat less head tail test [ "
    "git-grep man true : export read case basename dirname wc sort diff"
)
"""Commands whose arguments are texts."""

_URL_COMMANDS = names("curl wget http https xh aria2c axel lynx links w3m ab hey wrk siege")
_REMOTE_COMMANDS = frozenset(["scp", "sftp", "rsync", "git", "rclone", "unison"])
_FIRST = names(
    "ssh autossh mosh telnet nc ncat netcat ping ping6 traceroute mtr nmap masscan ftp lftp "
    "tftp sftp dig host nslookup whois ssh-copy-id ssh-keyscan nc.openbsd nc.traditional "
    "rdesktop"
)
_OPTIONS = frozenset({"-h", "--host", "-H", "--hostname", "--server", "--registry", "--url"})
_CLIENTS = names(
    "psql mysql mysqldump pg_dump mariadb redis-cli mongosh mongo ldapsearch smbclient"
)


def hosts_of(call: Call) -> list[str]:
    """Names and addresses in the words of a command, in lower case, without ports and users."""
    if call.name in _DATA_COMMANDS:
        return []
    found: list[str] = []
    for text in call.args:
        if "://" in text:
            found.extend(_URL.findall(text))
        if "/dev/tcp/" in text or "/dev/udp/" in text:
            found.extend(_SOCKET.findall(text))
    name = call.name
    if name in _URL_COMMANDS:
        found.extend(_bare_urls(call))
    elif name in _REMOTE_COMMANDS:
        for word in call.operands:
            match = _REMOTE.match(word.value)
            if match is not None and "://" not in word.value and not word.value.startswith("/"):
                found.append(match[1])
    elif name in _CLIENTS:
        found.extend(word.value for word in call.options.all("-h", "--host", "-H"))
    elif name == "socat":
        for text in call.args:
            found.extend(
                re.findall(r"(?i)^(?:tcp|udp|openssl|ssl|sctp)[46]?(?:-connect)?:([^:,]+):", text)
            )
    if name in _FIRST:
        found.extend(_first_operand(call))
    if name in ("docker", "podman"):
        found.extend(word.value for word in call.options.all("-H", "--host") if "." in word.value)
    return [clean for host in found if (clean := _clean(host))]


def _bare_urls(call: Call) -> list[str]:
    """`curl example.com/x`: an address needs no scheme."""
    found = []
    urls = [
        word for word in [*call.operands, *call.options.all("--url")] if "://" not in word.value
    ]
    for word in urls:
        match = re.match(r"(?:[^\s/@]*@)?(\[[0-9a-fA-F:.]+\]|[\w.\0-]+)(?=[:/?#]|$)", word.value)
        if match is not None and not (call.name.startswith("http") and match[0].isupper()):
            found.append(match[1])
    return found


def _first_operand(call: Call) -> list[str]:
    operands = [word.value for word in call.operands if not word.value.startswith(("+", "@"))]
    if call.name in ("dig", "host", "nslookup"):
        found = [text for text in operands if "." in text or UNKNOWN in text][:2]
        return found + [text[1:] for text in call.args if text.startswith("@")]
    for text in operands[:1]:
        match = _NAME.fullmatch(text)
        if match is not None and not text.isdigit():
            return [match[1]]
    return []


def _clean(host: str) -> str:
    host = host.strip("[]").rstrip(".").lower()
    return "" if not host.strip(".-") or host.startswith("-") else host.replace(UNKNOWN, "*")


_LOCAL = re.compile(
    r"localhost|127(?:\.\d+){1,3}|::1|0\.0\.0\.0|host\.docker\.internal|.*\.localhost"
)


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    return _LOCAL.fullmatch(host) is not None


_DROPS = re.compile(
    r"(?:.*\.)?(?:transfer\.sh|webhook\.site|requestbin\.\w+|pipedream\.net|ngrok(?:-free)?\.(?:io|app|dev)|"
    r"pastebin\.com|paste\.ee|termbin\.com|ix\.io|0x0\.st|file\.io|anonfiles\.com|gofile\.io|bashupload\.com|"
    r"oast\.(?:pro|live|site|online|fun|me)|interact\.sh|burpcollaborator\.net|dnslog\.\w+|temp\.sh|"
    r"hookbin\.com|beeceptor\.com|trycloudflare\.com|serveo\.net|dpaste\.org|sprunge\.us|keybase\.pub|"
    r"canarytokens\.com|discord(?:app)?\.com|api\.telegram\.org|hooks\.slack\.com)"
)


def is_drop(host: str) -> bool:
    """Whether a host takes data from anybody and hands it to whoever knows where to look."""
    return _DROPS.fullmatch(host) is not None
