"""Names of hosts: one spelling for each, and the list of those that are allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import ada_url

from policyc.runtime.sandbox.egress.records import Refused, Rule
from policyc.runtime.sandbox.failures import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HTTP: Final = 80
HTTPS: Final = 443

_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f/?#\\@]")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ENTRY: Final = re.compile(r"(?P<below>\*\.)?(?P<name>[^:*]+)(?::(?P<port>[0-9]{1,5}))?")


def normalise(host: str) -> str:
    """The one spelling of a name: lower case, punycode, nothing percent-encoded, no dot at the end.

    Raises:
        Refused: it is no name, or an address in whatever spelling.
    """
    if _UNSAFE.search(host):
        raise Refused(Rule.HOST_NAME, f"{host!r} is no name of a host")
    if host.startswith("["):
        raise Refused(Rule.IP_LITERAL, f"{host!r} is an address: hosts are reached by name only")
    if ":" in host:
        raise Refused(Rule.HOST_NAME, f"{host!r} is no name of a host")
    try:
        # As a browser reads it: decoded, mapped to ASCII; numbers of any base become an address.
        name = ada_url.URL(f"http://{host}/").hostname.removesuffix(".")
    except ValueError:
        raise Refused(Rule.HOST_NAME, f"{host!r} is no name of a host") from None
    labels = name.split(".")
    if labels[-1].isdigit():
        raise Refused(Rule.IP_LITERAL, f"{host!r} is an address: hosts are reached by name only")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused(Rule.HOST_NAME, f"{host!r} is no name of a host")
    return name


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    is_below: bool
    port: int | None

    @classmethod
    def read(cls, text: str) -> Self:
        parts = _ENTRY.fullmatch(text)
        port = int(parts["port"]) if parts is not None and parts["port"] else None
        if parts is None or (port is not None and not 0 < port < 65536):
            raise InvalidSpec(_no_entry(text))
        try:
            return cls(normalise(parts["name"]), parts["below"] is not None, port)
        except Refused as refusal:
            raise InvalidSpec(f"{_no_entry(text)} ({refusal.reason})") from None

    def has(self, host: str) -> bool:
        return host.endswith(f".{self.name}") if self.is_below else host == self.name


def _no_entry(text: str) -> str:
    return (
        f"`{text}` is no name of a host that can be allowed: write it like `example.org`, "
        "`*.example.org` or `example.org:8443`"
    )


class AllowList:
    """The hosts that may be reached.

    `example.org` is that name and no other; `*.example.org` is every name below it, not itself.
    Plain HTTP goes to port 80 and tunnels to port 443; an entry with a port, `example.org:8443`,
    allows that port only.

    Raises:
        InvalidSpec: an entry is no name, or an address.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = tuple(_Entry.read(text) for text in entries)

    def check(self, host: str, port: int, default_port: int) -> None:
        """Let a normalised name with a port pass.

        Raises:
            Refused: no entry has it.
        """
        named: Sequence[_Entry] = [entry for entry in self._entries if entry.has(host)]
        if not named:
            raise Refused(Rule.ALLOW_LIST, f"the host `{host}` is not on the list of this sandbox")
        if not any(port == (entry.port or default_port) for entry in named):
            raise Refused(
                Rule.ALLOW_LIST,
                f"port {port} of the host `{host}` is not on the list of this sandbox",
            )

    def __contains__(self, host: str) -> bool:
        return any(entry.has(host) for entry in self._entries)
