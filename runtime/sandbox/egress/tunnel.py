"""A tunnel: bytes as they are, once the name in TLS is the one that was asked for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.egress.names import HTTPS, normalise
from policyc.runtime.sandbox.egress.records import Refused, Rule
from policyc.runtime.sandbox.egress.server_name import ACCESS_DENIED, NotTls, ServerName

if TYPE_CHECKING:
    from policyc.runtime.sandbox.egress.entries import Entry
    from policyc.runtime.sandbox.egress.limits import EgressLimits
    from policyc.runtime.sandbox.egress.streams import Side
    from policyc.runtime.sandbox.egress.targets import Target

_ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_HANDSHAKE: Final = b"\x16"


class Tunnel:
    """One tunnel."""

    def __init__(
        self, guest: Side, upstream: Side, target: Target, limits: EgressLimits, entry: Entry
    ) -> None:
        self._guest = guest
        self._upstream = upstream
        self._target = target
        self._limits = limits
        self._entry = entry

    async def run(self, early: bytes) -> None:
        """Pass bytes until both sides have ended. `early` came with the request.

        Raises:
            Refused: what goes in is not TLS with the name of the host.
            OSError: one side went away.
        """
        self._entry.status = 200
        await self._guest.write(_ESTABLISHED)
        up = asyncio.create_task(self._up(early))
        down = asyncio.create_task(_copy(self._upstream, self._guest))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_EXCEPTION)
            for task in (up, down):
                if task.done():
                    task.result()
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _up(self, early: bytes) -> None:
        try:
            first = await self._first(early)
        except Refused:
            with suppress(OSError):
                await self._guest.write(ACCESS_DENIED)
            raise
        if first:
            await self._upstream.write(first)
        await _copy(self._guest, self._upstream)

    async def _first(self, data: bytes) -> bytes:
        """The first bytes, which may go through.

        Port 443 is for TLS; on a port that is listed for something else, what is TLS must have the
        name, too.
        """
        is_strict = self._target.port == HTTPS
        if not data and not is_strict:
            data = await self._guest.read()  # the host may be the first to speak, for long
        if not is_strict and not data.startswith(_HANDSHAKE):
            return data
        reader, unread = ServerName(), data
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                while not (unread and reader.feed(unread)):
                    if len(data) > self._limits.head:
                        raise Refused(Rule.LIMIT, "the first message of TLS is too long")
                    unread = await self._guest.read()
                    if not unread:
                        raise Refused(Rule.TLS, "the tunnel ended before TLS began")
                    data += unread
        except TimeoutError:
            raise Refused(Rule.LIMIT, "the first message of TLS did not come in time") from None
        except NotTls:
            raise Refused(Rule.TLS, "what goes through this tunnel must be TLS") from None
        check_server_name(reader.name, self._target.host)
        return data


def check_server_name(name: str | None, host: str) -> None:
    """A server may go by the name in TLS: it must be the one that was allowed.

    Raises:
        Refused: it is another, or there is none.
    """
    if name is None:
        raise Refused(Rule.SERVER_NAME, "TLS does not name the server")
    if normalise(name) != host:
        raise Refused(
            Rule.SERVER_NAME, f"TLS names the server {name!r}, the tunnel is for `{host}`"
        )


async def _copy(source: Side, sink: Side) -> None:
    while data := await source.read():
        await sink.write(data)
    sink.end()
