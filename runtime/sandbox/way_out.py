"""The way out of a sandbox while something runs in it: each request is a call, judged by the gate.

Between two operations there is no way out: whatever a command left running cannot be blamed on
anybody then.
"""

from __future__ import annotations

from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.egress.proxy import EgressProxy
from policyc.runtime.sandbox.egress.records import EgressVerdict
from policyc.runtime.sandbox.gate import Refused, refusal_text
from policyc.runtime.sandbox.state import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from policyc.runtime.sandbox.egress.records import EgressRecord, EgressRequest
    from policyc.runtime.sandbox.gate import Gate

TOOL: Final = "http_request"


def new_folder(allow_hosts: Sequence[str]) -> Path | None:
    """A folder for the socket of a sandbox that may reach hosts; it has what the sandbox needs.
    Everybody may connect to the socket, so the folder above keeps other users of the machine out.
    """
    if not allow_hosts:
        return None
    folder = private_folder("egress") / token_hex(8)
    with EgressProxy(
        folder, allow_hosts, lambda _: EgressVerdict(allowed=False), log=lambda _: None
    ):
        return folder


class WayOut:
    """The proxy of one sandbox. `folder` None: it may reach nothing."""

    def __init__(self, folder: Path | None, allow_hosts: Sequence[str], gate: Gate) -> None:
        self._folder = folder
        self._allow_hosts = allow_hosts
        self._gate = gate

    @contextmanager
    def open(self) -> Iterator[None]:
        """The proxy serves as long as this lasts."""
        if self._folder is None:
            yield
            return
        with EgressProxy(self._folder, self._allow_hosts, self._judge, log=self._log):
            yield

    def _judge(self, request: EgressRequest) -> EgressVerdict:
        try:
            call = self._gate.propose(TOOL, request.arguments())
        except Refused as refused:
            return EgressVerdict(allowed=False, reason=refusal_text(refused.decision))
        # What the host answers is part of what the command prints, and judged there.
        self._gate.abandon(call, "sent", kind="sent")
        return EgressVerdict(allowed=True)

    def _log(self, record: EgressRecord) -> None:
        self._gate.note("egress", request=record.to_dict())
