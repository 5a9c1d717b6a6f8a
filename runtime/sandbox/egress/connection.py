"""One connection of a sandbox to its proxy: request after request, each judged anew."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import h11

from policyc.runtime.sandbox.egress.entries import Entry
from policyc.runtime.sandbox.egress.framing import check_length, find_end
from policyc.runtime.sandbox.egress.plain import Exchange
from policyc.runtime.sandbox.egress.records import Refused, Rule
from policyc.runtime.sandbox.egress.streams import Side
from policyc.runtime.sandbox.egress.targets import read_target
from policyc.runtime.sandbox.egress.tunnel import Tunnel

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.sandbox.egress.allowance import Allowance
    from policyc.runtime.sandbox.egress.checks import Checks
    from policyc.runtime.sandbox.egress.limits import EgressLimits
    from policyc.runtime.sandbox.egress.records import EgressRecord
    from policyc.runtime.sandbox.egress.targets import Target

_LINGER: Final = 2.0
"""For how long what a refused client still sends is read, so that it sees the answer."""


class Connection:
    """Serves one connection."""

    def __init__(
        self,
        number: int,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        checks: Checks,
        limits: EgressLimits,
        *,
        allowance: Allowance,
        log: Callable[[EgressRecord], None],
    ) -> None:
        self._number = number
        self._checks = checks
        self._limits = limits
        self._allowance = allowance
        self._log = log
        self._guest = Side(*streams, self._passed)
        self._buffer = b""
        self._idle: asyncio.Timeout | None = None
        self._has_record = False

    async def serve(self) -> None:
        """Serve requests until the connection ends."""
        try:
            async with asyncio.timeout(self._limits.connection_seconds):
                while (self._buffer or await self._wait()) and await self._serve_request():
                    pass
            await self._linger()
        except (OSError, TimeoutError):
            self._guest.abort()
        except asyncio.CancelledError:
            self._guest.abort()
            raise
        finally:
            if not self._has_record:
                entry = self._entry()
                entry.refuse(Refused(Rule.FORM, "the connection ended without a request"))
                self._record(entry)
            await self._guest.close(_LINGER)

    async def turn_away(self, refusal: Refused) -> None:
        """Serve nothing, and say so."""
        entry = self._entry()
        try:
            await self._answer(entry, refusal)
        finally:
            self._record(entry)
            await self._guest.close(_LINGER)

    def _entry(self) -> Entry:
        begun = self._guest.bytes_in - len(self._buffer)
        return Entry(self._number, begun, self._guest.bytes_out)

    def _passed(self, count: int) -> None:
        self._allowance.spend(count)
        if self._idle is not None and not self._idle.expired():
            self._idle.reschedule(self._deadline())
            self._allowance.check()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._limits.idle_seconds

    async def _serve_request(self) -> bool:
        """Whether another may follow."""
        entry = self._entry()
        try:
            return await self._pass(entry)
        except Refused as refusal:
            await self._answer(entry, refusal)
        except OSError as error:
            entry.fail(f"the connection broke: {error}")
        except Exception as error:  # nothing that goes wrong may look as if it had passed
            entry.fail(f"the proxy failed: {type(error).__name__}: {error}")
        except asyncio.CancelledError:
            entry.fail("the proxy ended the connection")
            raise
        finally:
            self._record(entry)
        return False

    def _record(self, entry: Entry) -> None:
        self._has_record = True
        self._log(entry.record(self._guest.bytes_in, self._guest.bytes_out))

    async def _wait(self) -> bool:
        """Wait for the first bytes of a request; whether there are any."""
        try:
            async with asyncio.timeout(self._limits.idle_seconds):
                self._buffer = await self._guest.read()
        except TimeoutError:
            return False
        return bool(self._buffer)

    async def _pass(self, entry: Entry) -> bool:
        """Check one request and let it through; whether another may follow."""
        self._allowance.check()
        http, event, target = await self._receive(entry)
        await self._checks.decide(target)
        entry.address, reader, writer = await self._checks.connect(target)
        upstream = Side(reader, writer, lambda _count: None)
        try:
            async with asyncio.timeout_at(self._deadline()) as self._idle:
                if target.is_tunnel:
                    early = http.trailing_data[0]
                    await Tunnel(self._guest, upstream, target, self._limits, entry).run(early)
                    return False
                exchange = Exchange(self._guest, upstream, target, self._limits, entry)
                self._buffer = await exchange.run(http, event)
                return exchange.may_follow
        except TimeoutError:
            raise Refused(Rule.LIMIT, "nothing happened for too long", 504) from None
        finally:
            self._idle = None
            upstream.abort()

    async def _receive(self, entry: Entry) -> tuple[h11.Connection, h11.Request, Target]:
        """Read a head and find out what it asks for."""
        head, rest = await self._read_head()
        check_length(head, self._limits.body)
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.head)
        try:
            http.receive_data(head + rest)
            event = http.next_event()
            if not isinstance(event, h11.Request):
                raise Refused(Rule.FRAMING, "there is no request in the head", 400)
            entry.method = event.method.decode("ascii")
            target = entry.target = read_target(event)
            if target.is_tunnel and not isinstance(http.next_event(), h11.EndOfMessage):
                raise Refused(Rule.FRAMING, "CONNECT has no body", 400)
        except h11.RemoteProtocolError as error:
            raise Refused(Rule.FRAMING, str(error), 400) from None
        return http, event, target

    async def _read_head(self) -> tuple[bytes, bytes]:
        """A head, and what came after it."""
        data, seen = self._buffer, 0
        self._buffer = b""
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                while (end := find_end(data, seen, self._limits.head)) is None:
                    seen = len(data)
                    more = await self._guest.read()
                    if not more:
                        raise Refused(Rule.FORM, "the connection ended within a head", 400)
                    data += more
        except TimeoutError:
            raise Refused(Rule.LIMIT, "the head did not come in time", 408) from None
        return data[:end], data[end:]

    async def _answer(self, entry: Entry, refusal: Refused) -> None:
        """Tell a client why, where it has no answer yet."""
        entry.refuse(refusal)
        if entry.status:
            return  # what comes to an early end now is all that can be told
        entry.status = refusal.status
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LINGER):
                await self._guest.write(_refusal_text(refusal, is_head=entry.method == "HEAD"))

    async def _linger(self) -> None:
        """Read on for a while: a client that still sends would else lose its answer."""
        self._guest.end()
        async with asyncio.timeout(_LINGER):
            while await self._guest.read():
                pass


def _refusal_text(refusal: Refused, *, is_head: bool) -> bytes:
    body = f"refused by the rule `{refusal.rule}` of this sandbox: {refusal.reason}\n".encode()
    head = (
        # Many clients show of an answer to CONNECT this line only.
        f"HTTP/1.1 {refusal.status} Refused by rule {refusal.rule}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if is_head else body)
