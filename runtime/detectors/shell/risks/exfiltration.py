"""Sending what is on this machine to another one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.effects import is_remote
from policyc.runtime.detectors.shell.hosts import is_drop, is_local
from policyc.runtime.detectors.shell.interpreters import LANGUAGES
from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.sensitive import holds
from policyc.runtime.detectors.shell.values import LOCAL, NO_LABELS, SECRET
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.values import Word

KINDS = {
    "exfiltration": (
        "sends credentials, the environment or system files away, or anything to a drop"
    ),
    "upload": "sends a local file to another machine",
}

_PRIVATE = re.compile(
    r"/etc/(?:passwd|group|hosts|hostname|.*\.conf)|~|~/\.?\*?|/|/etc|/home|/var/log/.*|"
    r"~/(?:Documents|Desktop|Downloads|\.config|\.local|\.mozilla)(?:/.*)?|.*/\.git/config|/var/lib/.*|.*\.(?:sql|dump)"
)

_SENDERS = names(
    "curl wget http https xh nc ncat netcat nc.openbsd nc.traditional socat telnet "
    "ssh scp sftp rsync ftp lftp tftp "
    "rclone aws gsutil gcloud az dig host nslookup ping mail mailx mutt sendmail "
    "s-nail openssl croc wormhole "
    "magic-wormhole ffsend transfer curlftpfs smbclient mc s3cmd b2 gist gh "
    "dropbox wget2 aria2c getent drill resolvectl"
)
_PIPED = names(
    "nc ncat netcat nc.openbsd nc.traditional socat telnet ssh mail mailx mutt "
    "sendmail s-nail openssl gist tftp ftp lftp"
)
_REQUESTS = names("curl wget http https xh dig host nslookup ping drill resolvectl getent wget2")


def _sends(call: Call) -> Found:
    """Whatever leaves: by words, files, or the standard input."""
    if call.hosts and all(is_local(host) for host in call.hosts):
        return
    is_dropped = any(is_drop(host) for host in call.hosts)
    for word, labels, paths in _payloads(call):
        secret = next((held for path in paths if (held := holds(path)) is not None), None)
        private = next((path for path in paths if _PRIVATE.fullmatch(path)), None)
        if secret is not None:
            yield f"sends {secret} away", word
        elif SECRET in labels:
            yield "sends secrets away", word
        elif private is not None:
            yield f"sends `{private}` away", word
        elif is_dropped:
            yield "sends data to a service that keeps it for anybody", word
        elif LOCAL in labels and call.name in ("dig", "host", "nslookup", "ping", "drill"):
            yield "hides data in a name that is looked up", word


def _uploads(call: Call) -> Found:
    if any(True for _ in _sends(call)) or (call.hosts and all(map(is_local, call.hosts))):
        return
    for word, labels, paths in _payloads(call):
        if paths or LOCAL in labels:
            yield "sends a local file away", word
            return


def _payloads(call: Call) -> list[tuple[Word | None, frozenset[str], list[str]]]:
    """What a command sends: each with its word, labels and paths."""
    found: list[tuple[Word | None, frozenset[str], list[str]]] = []
    name = call.name
    if name in _REQUESTS:
        skipped = {
            id(word) for word in call.options.all("-o", "--output", "-O", "-K", "-b", "--cert")
        }
        found.extend(
            (word, word.labels, [])
            for word in call.words[1:]
            if word.labels and id(word) not in skipped
        )
        if name == "curl" and _takes_input(call):
            found.append((None, _stdin_labels(call), []))
    if name in ("curl", "wget", "http", "https", "xh", "wget2"):
        found.extend((word, _file_labels(call, path), [path]) for path, word in _sent_files(call))
    elif name in ("scp", "rsync", "sftp", "rclone"):
        if call.operands and (is_remote(call.operands[-1]) or name == "rclone"):
            found.extend((word, _file_labels(call, path), [path]) for path, word in _local(call))
    elif name in ("aws", "gsutil", "az", "s3cmd", "mc", "b2", "gcloud"):
        found.extend(_to_bucket(call))
    elif name in (
        "croc",
        "wormhole",
        "magic-wormhole",
        "ffsend",
        "transfer",
        "gist",
        "mail",
        "mutt",
        "tftp",
    ):
        words = [*call.operands, *call.options.all("-a", "-A")]
        found.extend(
            (word, NO_LABELS, [call.path(word)])
            for word in words
            if "/" in word.value or "." in word.value
        )
    if name in _PIPED and not (name == "ssh" and not _sends_input(call)):
        found.append((None, _stdin_labels(call), []))
        for redirect in call.redirects:
            if (
                redirect.is_input
                and redirect.target is not None
                and not redirect.target.value.startswith("/dev/")
                and redirect.descriptor in ("", "0")
            ):
                path = call.path(redirect.target)
                found.append((redirect.target, _file_labels(call, path), [path]))
    return found


def _stdin_labels(call: Call) -> frozenset[str]:
    return NO_LABELS if call.stdin is None else call.stdin.labels


def _sends_input(call: Call) -> bool:
    return call.stdin is not None and call.stdin.text is None


def _takes_input(call: Call) -> bool:
    """Whether curl sends its standard input."""
    values = call.options.all(
        "-d",
        "--data",
        "--data-binary",
        "--data-ascii",
        "--data-raw",
        "--json",
        "-F",
        "--form",
        "-T",
        "--upload-file",
        "--data-urlencode",
    )
    return any(
        word.value in ("-", "@-", ".") or re.search(r"@-|=<-|/dev/stdin", word.value)
        for word in values
    )


def _file_labels(call: Call, path: str) -> frozenset[str]:
    """What the script itself has written to a file."""
    data = call.state.files.get(path)
    return NO_LABELS if data is None else data.labels


def _sent_files(call: Call) -> list[tuple[str, Word]]:
    """Files that a request sends; not those that only configure it."""
    own = {id(word) for word in call.options.all("-K", "--config", "-i", "--input-file")}
    found = [(path, word) for path, word in call.reads if id(word) not in own]
    if call.name in ("http", "https", "xh"):
        for word in call.operands:
            match = re.search(r"@(.+)$", word.value)
            if match is not None and "://" not in word.value:
                found.append((call.path(word.with_value(match[1])), word))
    return found


def _local(call: Call) -> list[tuple[str, Word]]:
    words = call.operands[:-1]
    if call.name == "rclone":
        words = [word for word in call.operands[1:] if ":" not in word.value]
    return [(call.path(word), word) for word in words if not is_remote(word)]


def _to_bucket(call: Call) -> list[tuple[Word | None, frozenset[str], list[str]]]:
    verbs = {"cp", "sync", "mv", "put", "upload", "rsync", "upload-batch", "copy"}
    words = [word for word in call.operands if word.value not in verbs]
    if not verbs & set(call.verbs) or not words or not re.match(r"\w+://|[\w-]+/", words[-1].value):
        return []
    sources = [
        word
        for word in words[:-1]
        if "://" not in word.value and re.search(r"[/.~]|-$", word.value)
    ]
    found: list[tuple[Word | None, frozenset[str], list[str]]] = []
    for word in sources:
        if word.value == "-":
            found.append((word, _stdin_labels(call), []))
        else:
            found.append((word, _file_labels(call, call.path(word)), [call.path(word)]))
    return found


def _sockets(call: Call) -> Found:
    """`cat FILE > /dev/tcp/HOST/PORT`."""
    for redirect in call.redirects:
        target = redirect.target
        if target is None or not redirect.is_output:
            continue
        if not target.value.startswith(("/dev/tcp/", "/dev/udp/")):
            continue
        labels = call.labels | call.content
        if SECRET in labels:
            yield "sends secrets away", target
        elif any(_PRIVATE.fullmatch(path) for path, _ in call.reads):
            yield "sends system files away", target
        elif LOCAL in labels:
            yield "sends a local file away", target


_POSTS = re.compile(
    r"(?:requests|httpx)\.(?:post|put)|urlopen\(.*data|\.send(?:all)?\(|http\.request|fetch\("
)
_TAKES = re.compile(
    r"os\.environ|process\.env|\$ENV|ENV\[|\.ssh|\.aws|/etc/(?:passwd|shadow)|\.env\b|id_rsa|\.netrc|credentials"
)


def _inline(call: Call) -> Found:
    for data, word in call.executes:
        if data.text is not None and _POSTS.search(data.text) and _TAKES.search(data.text):
            yield "inline code sends secrets away", word


RULES = (
    Rule("exfiltration", _sends, _SENDERS),
    Rule("exfiltration", _sockets, about="redirects"),
    Rule("exfiltration", _inline, LANGUAGES),
    Rule("upload", _uploads, _SENDERS),
)
