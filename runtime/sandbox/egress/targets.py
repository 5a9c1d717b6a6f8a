"""Where a request goes: read from its first line, and compared with its `Host`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.egress.names import HTTP, HTTPS, normalise
from policyc.runtime.sandbox.egress.records import EgressRequest, Refused, Rule

if TYPE_CHECKING:
    import h11

_ABSOLUTE: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#\\]*)(?P<path>[/?][^#]*)?"
)
_AUTHORITY: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `path` with its query is what the host is asked for; None: a tunnel."""

    method: str
    host: str
    port: int
    path: str | None

    @property
    def is_tunnel(self) -> bool:
        """Whether bytes go through as they are."""
        return self.path is None

    @property
    def default_port(self) -> int:
        """The port where an allowed host is given without one."""
        return HTTPS if self.is_tunnel else HTTP

    @property
    def authority(self) -> str:
        """The host as the header `Host` says it."""
        return self.host if self.port == HTTP else f"{self.host}:{self.port}"

    def request(self) -> EgressRequest:
        """What is judged."""
        url = None if self.path is None else f"http://{self.authority}{self.path}"
        return EgressRequest(self.method, self.host, self.port, url)


def read_target(event: h11.Request) -> Target:
    """Where a request goes.

    Raises:
        Refused: it is not of the forms of a proxy, names no host, or names two.
    """
    method, text = event.method.decode("ascii"), event.target.decode("ascii")
    target = _tunnel(text) if method == "CONNECT" else _plain(method, text)
    _check_host(event, target)
    return target


def _plain(method: str, text: str) -> Target:
    parts = _ABSOLUTE.fullmatch(text)
    if parts is None:
        raise Refused(
            Rule.FORM, "this is a proxy: ask with the whole address (http://...) or CONNECT", 400
        )
    if parts["scheme"].lower() != "http":
        raise Refused(
            Rule.FORM, f"`{parts['scheme']}` does not go through as plain HTTP: use CONNECT", 400
        )
    host, port = _read_authority(parts["authority"])
    if port == HTTPS:
        raise Refused(Rule.TLS, "port 443 is reached with TLS through CONNECT only")
    path = parts["path"] or "/"
    return Target(method, host, port or HTTP, path if path.startswith("/") else f"/{path}")


def _tunnel(text: str) -> Target:
    host, port = _read_authority(text)
    if port is None:
        raise Refused(Rule.FORM, "CONNECT needs a name and a port", 400)
    if port == HTTP:
        raise Refused(Rule.FORM, "port 80 is reached with plain requests, not through CONNECT")
    return Target("CONNECT", host, port, None)


def _read_authority(text: str) -> tuple[str, int | None]:
    if "@" in text:
        raise Refused(Rule.USERINFO, "an address with a user or password is not passed on")
    parts = _AUTHORITY.fullmatch(text.removesuffix(":"))
    if parts is None:
        raise Refused(Rule.HOST_NAME, f"{text!r} is no name of a host with a port")
    port = None if parts["port"] is None else int(parts["port"])
    if port is not None and not 0 < port < 65536:
        raise Refused(Rule.HOST_NAME, f"{text!r} has no port that there is")
    return normalise(parts["host"]), port


def _check_host(event: h11.Request, target: Target) -> None:
    """Some servers go by `Host`, others by the first line: both must say the same."""
    values = [value.decode("latin-1") for name, value in event.headers if name == b"host"]
    if not values and event.http_version == b"1.0":
        return
    if len(values) != 1:
        raise Refused(Rule.HOST_HEADER, "there must be one header Host")
    host, port = _read_authority(values[0])
    agrees = (port or target.default_port) == target.port or (port is None and target.is_tunnel)
    if host != target.host or not agrees:
        raise Refused(
            Rule.HOST_HEADER,
            f"the header Host says {values[0]!r}, the request goes to "
            f"`{target.host}:{target.port}`",
        )
