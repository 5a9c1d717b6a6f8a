"""Reading what opens doors: keys, tokens, passwords."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.sensitive import holds, reveals
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"credential-access": "reads keys, tokens, passwords or another's environment"}

_METADATA = re.compile(
    r"169\.254\.169\.254|169\.254\.170\.2|metadata\.google\.internal|100\.100\.100\.200|fd00:ec2::254|"
    r"(?<!\d)2852039166(?!\d)|0xa9fea9fe|metadata\.azure\.com"
)
_HARMLESS = names(
    "ls stat test [ touch mkdir chmod chown ssh-keygen rm file realpath readlink "
    "du dirname basename ssh-add git source ."
)
"""Commands that look at a path without its content, or use it as it is meant."""


def _reads(call: Call) -> Found:
    if call.name in _HARMLESS:
        return
    for path, word in call.reads:
        held = holds(path)
        # A key that a connection is made with is used as it is meant.
        is_identity = call.name in ("ssh", "scp", "sftp") and word in call.options.all("-i")
        if held is not None and not is_identity:
            yield f"reads {held}: `{word.shown}`", word


def _copies_folder(call: Call) -> Found:
    """Programs that take whole folders or options as their source."""
    for word in call.words[1:]:
        path = call.path(word)
        if (
            path.startswith(("~/.ssh", "~/.gnupg", "~/.aws"))
            and holds(path.rstrip("/")) is not None
        ):
            yield f"reads {holds(path.rstrip('/'))}: `{word.shown}`", word


def _asks_metadata(call: Call) -> Found:
    for word in call.words[1:]:
        if _METADATA.search(word.value):
            yield "asks the metadata service of a cloud for credentials", word


def _tells(call: Call) -> Found:
    told = reveals(call)
    if told is None or told in ("the environment", "a history"):
        return
    yield f"writes out {told}", None


def _searches(call: Call) -> Found:
    """`find / -name id_rsa`, `locate shadow`, `grep -r AWS_SECRET ~`."""
    for word in call.words[1:]:
        if re.search(
            r"id_rsa|id_ed25519|\.pem\b|\.kdbx|\.aws/cred|shadow$|wallet\.dat|\.p12", word.value
        ):
            yield "looks for keys and passwords", word
            return


def _greps(call: Call) -> Found:
    if not {"-r", "-R", "--recursive"} & call.flags and call.name not in ("rg", "ag"):
        return
    verbs = call.verbs
    is_wanted = bool(verbs) and re.search(
        r"(?i)password|passwd|secret|api[_-]?key|BEGIN.*PRIVATE|AKIA|token", verbs[0]
    )
    for word in call.operands[1:]:
        path = call.path(word)
        if is_wanted and (
            path in ("/", "~", "/etc", "/home", "/var", "/opt") or path.startswith("~/.")
        ):
            yield "looks for passwords and keys", word


RULES = (
    Rule("credential-access", _reads, about="reads"),
    Rule(
        "credential-access",
        _copies_folder,
        names("tar zip rsync cp scp 7z bsdtar rclone grep rg find"),
    ),
    Rule(
        "credential-access", _asks_metadata, names("curl wget http https xh nc ncat python3 python")
    ),
    Rule("credential-access", _tells),
    Rule("credential-access", _searches, names("find fd locate gfind plocate mdfind")),
    Rule("credential-access", _greps, names("grep egrep rg ag zgrep")),
)
