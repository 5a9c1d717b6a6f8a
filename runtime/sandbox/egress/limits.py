"""What a sandbox may use of its proxy."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from policyc.runtime.sandbox.failures import InvalidSpec

_KIB: Final = 1024
_MIB: Final = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class EgressLimits:
    """Bounds of one proxy. Sizes are in bytes, times in seconds.

    `head` bounds the head of a request, of an answer, and the first message of TLS; `body` that of
    a request. `connections` are open at once; one more is answered 503. `total_bytes` is what may
    pass in both directions as long as the proxy lives.

    `head_seconds` is the time for a whole head, `idle_seconds` how long nothing may happen,
    `connect_seconds` the time to look up a name and to connect, `judge_seconds` the time to decide,
    `connection_seconds` the life of a connection of the sandbox.
    """

    head: int = 32 * _KIB
    body: int = 64 * _MIB
    connections: int = 128
    total_bytes: int = 2048 * _MIB
    head_seconds: float = 10.0
    idle_seconds: float = 60.0
    connect_seconds: float = 15.0
    judge_seconds: float = 30.0
    connection_seconds: float = 1800.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise InvalidSpec(
                    f"the limit `{one.name}` of the proxy must be a positive number, not {value}"
                )
