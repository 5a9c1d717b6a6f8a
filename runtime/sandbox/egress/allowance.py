"""What may still pass through a proxy, of all its connections together."""

from __future__ import annotations

from policyc.runtime.sandbox.egress.records import Refused, Rule


class Allowance:
    """Bytes that are left. `closed` is why nothing may pass any more; empty while it may."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._spent = 0
        self.closed = ""

    def spend(self, count: int) -> None:
        """Count bytes that have passed."""
        self._spent += count

    def check(self) -> None:
        """Let something more pass.

        Raises:
            Refused: nothing may.
        """
        if self.closed:
            raise Refused(Rule.AUDIT, "the log cannot be written", 503, self.closed)
        if self._spent > self._total:
            raise Refused(Rule.LIMIT, f"more than {self._total} bytes have passed", 503)
