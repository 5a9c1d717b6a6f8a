"""What is asked of the proxy, what is decided, and what is written down of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


class Rule(StrEnum):
    """What a request can be refused by. The answer to the sandbox and the record name it."""

    ALLOW_LIST = "allow-list"
    HOST_NAME = "host-name"
    IP_LITERAL = "ip-literal"
    USERINFO = "userinfo"
    HOST_HEADER = "host-header"
    FRAMING = "framing"
    FORM = "request-form"
    POLICY = "policy"
    ADDRESS = "address"
    TLS = "tls"
    SERVER_NAME = "server-name"
    LIMIT = "limit"
    AUDIT = "audit"
    UPSTREAM = "upstream"


class Refused(Exception):
    """A request that does not pass: the rule, why in a line, and the status of the answer.

    `detail` is for the record only, not for the sandbox.
    """

    def __init__(self, rule: Rule, reason: str, status: int = 403, detail: str = "") -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class EgressRequest:
    """A request of a sandbox to a host, as the judge sees it.

    `host` is normalised (lower case, punycode, no dot at the end). `url` is what is asked for,
    with its query; None in a tunnel, whose content is encrypted.
    """

    method: str
    host: str
    port: int
    url: str | None = None

    def arguments(self) -> dict[str, Any]:
        """The arguments of the tool call `http_request` that it is judged as."""
        arguments: dict[str, Any] = {"method": self.method, "host": self.host, "port": self.port}
        if self.url is not None:
            arguments["url"] = self.url
        return arguments


@dataclass(frozen=True, slots=True)
class EgressVerdict:
    """What the judge says. `reason` is shown to the sandbox where a request is not allowed."""

    allowed: bool
    reason: str = ""


class Outcome(StrEnum):
    """What became of a request: it passed, it was refused by a rule, or the host failed it."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EgressRecord:
    """One request, for the log. A connection without any request leaves a record, too.

    Args:
        time: when the request began, UTC.
        connection: the number of the connection; requests on one that is kept alive share it.
        method: as sent; empty where there was no request that could be read, as are `host` and
            `path`; `port` is 0 then.
        path: without its query, which may hold secrets. Empty for a tunnel.
        rule: what refused it, or `upstream`; empty where it passed.
        status: of the answer to the sandbox; 0 where there was none.
        address: what was connected to.
        sent: bytes from the sandbox to the proxy, `received` those the other way, of this request.
        seconds: how long it took.
    """

    time: datetime
    connection: int
    method: str
    host: str
    port: int
    path: str
    outcome: Outcome
    rule: str
    reason: str
    status: int
    address: str
    sent: int
    received: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {**asdict(self), "time": self.time.isoformat(), "outcome": self.outcome.value}
