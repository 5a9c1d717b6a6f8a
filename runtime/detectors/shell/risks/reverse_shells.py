"""A shell of this machine for somebody elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.interpreters import LANGUAGES
from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.shells import SHELLS
from policyc.runtime.detectors.shell.values import SOCKET, UNKNOWN
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"reverse-shell": "gives somebody elsewhere a shell, or runs what a connection sends"}

_NETCATS = names("nc ncat netcat nc.openbsd nc.traditional nc.exe pwncat")
_SOCKETS = ("/dev/tcp/", "/dev/udp/")
_SHELL = re.compile(
    r"(?:^|[/\s:'\"])(?:ba|da|z|k|c|tc|a|fi|pw)?sh\b|cmd\.exe|powershell|pwsh|python|perl"
)


def _redirected(call: Call) -> Found:
    """A shell whose input or output is a connection."""
    for redirect in call.redirects:
        target = redirect.target
        if target is None:
            continue
        to_socket = target.value.startswith(_SOCKETS)
        from_socket = redirect.data is not None and SOCKET in redirect.data.labels
        back = f"&{target.value}" in call.state.files and redirect.operator in (">&", "<&")
        if (to_socket or from_socket or back) and call.name in SHELLS:
            yield "connects a shell to another machine", target


def _fed(call: Call) -> Found:
    for data, word in call.executes:
        if SOCKET in data.labels:
            yield "runs what a connection sends", word
            return
    first = call.words[0] if call.words else None
    if first is not None and SOCKET in first.labels and UNKNOWN in first.value:
        yield "runs what a connection sends", first


def _executing(call: Call) -> Found:
    """`nc -e /bin/sh`."""
    options = call.options
    for word in options.all("-e", "-c", "--exec", "--sh-exec", "--lua-exec"):
        if word.value != "-" and not (word.value.isdigit()):
            yield f"`{call.name}` starts a program for whoever connects", word
    # Output of a shell goes to the connection.
    if call.stdin is not None and SOCKET in call.stdin.labels:
        yield "connects a shell to another machine", None


def _socat(call: Call) -> Found:
    sides = [word for word in call.words[1:] if ":" in word.value]
    starts = [word for word in sides if re.match(r"(?i)(?:exec|system|shell):", word.value)]
    connects = [
        word for word in sides if re.match(r"(?i)(?:tcp|udp|openssl|ssl|sctp|vsock)", word.value)
    ]
    if starts and connects:
        yield "connects a program to another machine", starts[0]


_CODE_SOCKET = re.compile(
    r"socket\s*\.\s*socket|\bsocket\s*\(|import\s+socket|fsockopen|TCPSocket|IO::Socket|net\.Socket|net\.connect|"
    r"createConnection|[\"']net[\"']\)\s*\.\s*(?:connect|Socket|createServer)|require\s*\(?\s*[\"']socket[\"']|socket\.tcp|net\.createServer|pfsockopen|stream_socket_client|TCPServer"
)
_CODE_SHELL = re.compile(
    r"dup2|pty\.spawn|/bin/(?:ba|da|z)?sh|subprocess|os\.system|exec\s*\(|child_process|popen|system\s*\(|"
    r"\bsh\s+-i\b|cmd\.exe|shell_exec|io\.popen|\bspawn\b"
)


def _inline(call: Call) -> Found:
    for data, word in call.executes:
        if (
            data.text is not None
            and _CODE_SOCKET.search(data.text)
            and _CODE_SHELL.search(data.text)
        ):
            yield "inline code connects a shell to another machine", word


_PIPE_FORMS = re.compile(r"/inet/(?:tcp|udp)/")


def _awk(call: Call) -> Found:
    for word in call.words[1:]:
        if _PIPE_FORMS.search(word.value) and "getline" in word.value:
            yield "the awk program runs what a connection sends", word


def _known_tools(call: Call) -> Found:
    text = " ".join(call.args)
    if call.name == "openssl" and call.args[:1] == ["s_client"] and call.stdin is not None:
        yield from _through_pipe(call)
    elif call.name == "msfvenom":
        yield "makes a payload that connects back", None
    elif call.name in ("script", "ssh") and _SHELL.search(text) and "/dev/tcp" in text:
        yield "connects a shell to another machine", None


def _through_pipe(call: Call) -> Found:
    """`mkfifo p; sh -i < p | openssl s_client > p`."""
    for redirect in call.redirects:
        if redirect.is_output and redirect.target is not None:
            path = call.path(redirect.target)
            if path in call.state.pipes:
                yield "connects a shell to another machine", redirect.target


def _looped(call: Call) -> Found:
    """A netcat that writes into the named pipe that a shell reads."""
    yield from _through_pipe(call)
    for redirect in call.redirects:
        if redirect.is_input and redirect.target is not None:
            path = call.path(redirect.target)
            if path in call.state.pipes:
                yield "connects a named pipe to another machine", redirect.target


RULES = (
    Rule("reverse-shell", _redirected, frozenset({*SHELLS, "exec"})),
    Rule("reverse-shell", _fed),
    Rule("reverse-shell", _executing, _NETCATS),
    Rule("reverse-shell", _looped, frozenset({*_NETCATS, "telnet", "socat"})),
    Rule("reverse-shell", _socat, names("socat")),
    Rule("reverse-shell", _inline, LANGUAGES),
    Rule("reverse-shell", _awk, names("awk gawk mawk nawk")),
    Rule("reverse-shell", _known_tools, names("openssl msfvenom script ssh")),
)
