"""How a server is run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from policyc.runtime.parallel import cores

OnError = Literal["finding", "http"]
Risk = Literal["low", "medium", "high", "none"]


def default_workers() -> int:
    """More than there are processors: one that hangs until its deadline must not be in the way."""
    return 2 * cores() + 2


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is run; the defaults are those of the command.

    `token`: what clients have to send; None: anybody may ask. `key`: a secret that clients share,
    so that answers can prove where they come from (see `policyc.runtime.proof`). `workers`:
    processes that evaluate, at most; `memory`: bytes that each may have. `deadline`: seconds that a
    check may take. `most_bytes`, `most_levels`: of the body of a request, and of what is nested in
    it. `body_seconds`: how long a client may take to send it. `most_sessions`, `idle_seconds`: how
    many sessions are kept, and how long one that is not used; `most_kept`: bytes that they keep,
    all of an API together. `most_events`: in a session of our own API. `wait_seconds`: how long a
    check waits for a worker. `trusts_clients`: their policies may reach beyond values.
    `default_risk`: the level that the texts of the Invariant APIs give to violations without one.
    `on_error`: whether a rule that fails is a finding among others there, or an error of HTTP.
    """

    token: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    workers: int = field(default_factory=default_workers)
    deadline: float = 5.0
    most_bytes: int = 8 * 1024 * 1024
    most_levels: int = 100
    body_seconds: float = 30.0
    most_sessions: int = 1000
    idle_seconds: float = 3600.0
    most_kept: int = 512 * 1024 * 1024
    most_events: int = 100_000
    wait_seconds: float = 30.0
    trusts_clients: bool = False
    default_risk: Risk = "high"
    on_error: OnError = "finding"
    memory: int = 2 * 1024**3
