"""A record while its request still runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.egress.records import EgressRecord, Outcome, Rule

if TYPE_CHECKING:
    from policyc.runtime.sandbox.egress.records import Refused
    from policyc.runtime.sandbox.egress.targets import Target


_REASON: Final = 500
"""Characters of a reason, which may quote what the sandbox sent."""


@dataclass(slots=True)
class Entry:
    """What is known of a request by now. `sent` and `received` are where the counts began."""

    connection: int
    sent: int
    received: int
    method: str = ""
    target: Target | None = None
    outcome: Outcome = Outcome.ALLOWED
    rule: str = ""
    reason: str = ""
    status: int = 0
    address: str = ""
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=monotonic)

    def refuse(self, refusal: Refused) -> None:
        """It was refused, or the host failed it."""
        failed = refusal.rule is Rule.UPSTREAM
        self.outcome = Outcome.FAILED if failed else Outcome.REFUSED
        self.rule = refusal.rule.value
        told = f"{refusal.reason} ({refusal.detail})" if refusal.detail else refusal.reason
        self.reason = told if len(told) <= _REASON else f"{told[:_REASON]}..."

    def fail(self, reason: str) -> None:
        """It was cut."""
        self.outcome, self.rule, self.reason = Outcome.FAILED, Rule.UPSTREAM.value, reason

    def record(self, sent: int, received: int) -> EgressRecord:
        """The record of it, at the end. The counts are those of the connection now."""
        target = self.target
        path = "" if target is None or target.path is None else target.path.partition("?")[0]
        return EgressRecord(
            time=self.time,
            connection=self.connection,
            method=self.method,
            host="" if target is None else target.host,
            port=0 if target is None else target.port,
            path=path,
            outcome=self.outcome,
            rule=self.rule,
            reason=self.reason,
            status=self.status,
            address=self.address,
            sent=sent - self.sent,
            received=received - self.received,
            seconds=monotonic() - self._began,
        )
