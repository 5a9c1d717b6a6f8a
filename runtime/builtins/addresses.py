"""What an address leads to: `import url`, then `url.host(x)`, `url.domain_in(x, ["acme.com"])`.

Addresses are read as a browser reads them (WHATWG URL, by ada-url): a name before `@` is no host,
`0x7f.1` is 127.0.0.1, `EXAMPLE.com` and its full-width form are example.com. Addresses without a
scheme (`//host/path`, `www.host`, `host/path`), those of git (`git@host:path`), and those of
databases and the like have a host in the same form. What has none, or cannot be read, has the host
None, which is in no list.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

import ada_url

from policyc.runtime.bounds import BuiltinError, kind_of

MAX_ADDRESS = 100_000
"""Characters of an address that is read."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}):", re.IGNORECASE)
_SPECIAL = frozenset({"http", "https", "ftp", "ws", "wss"})
_SCP = re.compile(r"[^\s/\\:@]{1,100}@([^\s/\\:@]{1,255}):(?!\d+(?:/|\Z))(.*)", re.DOTALL)
_BARE = re.compile(r"(?:[^\s/\\?#@]{0,500}@)?(?:\[|[^\s/\\?#@:]{1,255}(?=[/\\?#:]|\Z))")
_PORTS = {
    "http": 80, "ws": 80, "https": 443, "wss": 443, "ftp": 21, "ssh": 22, "sftp": 22, "git": 9418,
}  # fmt: skip
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "lan", "intranet", "home.arpa")
_TRIMMED = "".join(map(chr, range(33)))


@dataclass(frozen=True, slots=True)
class _Address:
    scheme: str
    host: str | None
    port: int | None
    path: str


def host(address: Any) -> str | None:
    """The host that an address leads to: lower case, punycode, no brackets around IPv6; None where
    it has none, or cannot be read."""
    return _read(address).host


def scheme(address: Any) -> str | None:
    """The scheme of an address in lower case, `ssh` for `git@host:path`; None where it has none."""
    return _read(address).scheme or None


def port(address: Any) -> int | None:
    """The port of an address, or the one that its scheme stands for."""
    found = _read(address)
    return found.port if found.port is not None else _PORTS.get(found.scheme)


def path(address: Any) -> str | None:
    """The path of an address, with `..` resolved; None where it has no host."""
    found = _read(address)
    return None if found.host is None else found.path


def domain_in(address: Any, domains: Any) -> bool:
    """Whether the host of an address, or a host itself, is one of some domains or below one.

    An entry `*.acme.com` or `.acme.com` stands for what is below it only.

    Raises:
        BuiltinError: `domains` is no list of texts.
    """
    allowed = [domains] if isinstance(domains, str) else domains
    if not isinstance(allowed, list | tuple) or not all(isinstance(one, str) for one in allowed):
        raise BuiltinError(
            f"`domains` takes a list of texts, not {kind_of(domains)}",
            'Write for example `url.domain_in(link, ["example.com"])`.',
        )
    found = (host(address) or "").rstrip(".")
    return bool(found) and any(_is_under(found, one) for one in allowed)


def is_private(address: Any) -> bool:
    """Whether an address leads to this machine, a local network or a cloud's metadata, as far as
    its text tells: names are not looked up.

    Raises:
        BuiltinError: it cannot be read, so that nobody knows.
    """
    if address is None:
        return False
    found = host(address)
    if found is None:
        raise BuiltinError("the text is no address whose host can be told")
    name = found.rstrip(".")
    try:
        number = ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or any(
            name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES
        )
    if isinstance(number, ipaddress.IPv6Address):
        inner = number.ipv4_mapped or number.sixtofour or (number.teredo or (None, None))[1]
        if inner is not None:
            return not inner.is_global
    return not number.is_global


def _is_under(name: str, entry: str) -> bool:
    below_only = entry.startswith(("*.", "."))
    wanted = _domain(entry.removeprefix("*").removeprefix("."))
    if wanted is None:
        return False
    return (
        name.endswith(f".{wanted}") if below_only else name == wanted or name.endswith(f".{wanted}")
    )


def _domain(entry: str) -> str | None:
    """A domain of a list in the form that hosts have."""
    try:
        return _unbracketed(ada_url.URL(f"http://{entry.strip()}/").hostname).rstrip(".")
    except ValueError:
        return None


_NOTHING = _Address("", None, None, "")


def _read(address: Any) -> _Address:
    """The parts of an address.

    Raises:
        BuiltinError: it is no text, or too long.
    """
    if address is None:
        return _NOTHING
    if not isinstance(address, str):
        raise BuiltinError(f"an address is a text, not {kind_of(address)}")
    if len(address) > MAX_ADDRESS:
        raise BuiltinError(f"an address of more than {MAX_ADDRESS} characters is not read")
    text = address.strip(_TRIMMED).translate({9: None, 10: None, 13: None})
    # A lone surrogate is no character that a host could have.
    if not text or any("\ud800" <= char <= "\udfff" for char in text):
        return _NOTHING
    named = _SCHEME.match(text)
    if named is not None and (named[1].lower() in _SPECIAL):
        return _parsed(text, named[1].lower())
    if named is not None and text.startswith(("//", "\\/\\/"), named.end()):
        return _other_scheme(text, named)
    if text.startswith(("//", "\\\\", "/\\", "\\/")):
        return _parsed(f"http:{text}", "")
    scp = _SCP.fullmatch(text)
    if scp is not None:
        found = _parsed(f"http://{scp[1]}/", "ssh")
        return _Address("ssh", found.host, 22, f"/{scp[2].removeprefix('/')}")
    # `mailto:x` has a scheme and no host, `localhost:80` has a host and no scheme.
    if named is not None and "." not in named[1] and not text[named.end() :][:1].isdigit():
        return _Address(named[1].lower(), None, None, "")
    if _BARE.match(text) is not None and _may_be_host(text):
        return _parsed(f"http://{text}", "")
    return _NOTHING


def _other_scheme(text: str, named: re.Match[str]) -> _Address:
    """An address such as `ssh://host` or `git+https://host`: its host in the form of the others."""
    name = named[1].lower()
    inner = name.rpartition("+")[2]
    if inner in _SPECIAL:
        return _parsed(inner + text[named.end() - 1 :], inner)
    if inner == "file":
        return _Address("file", None, None, "")
    found = _parsed(f"http{text[named.end() - 1 :]}", name)
    return _Address(name, found.host, found.port, found.path)


def _parsed(text: str, name: str) -> _Address:
    try:
        found = ada_url.URL(text)
    except ValueError:
        return _Address(name, None, None, "")
    shown = _unbracketed(found.hostname)
    number = int(found.port) if found.port else None
    return _Address(name, shown or None, number, found.pathname)


def _unbracketed(name: str) -> str:
    return name[1:-1] if name.startswith("[") else name


def _may_be_host(text: str) -> bool:
    """Whether a text without a scheme is one that programs take for an address."""
    name = re.split(r"[/\\?#]", text, maxsplit=1)[0].rpartition("@")[2]
    return "." in name or name.lower().partition(":")[0] == "localhost" or name.startswith("[")
