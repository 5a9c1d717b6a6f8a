"""A request in plain HTTP: read, written anew for the host, and its answer the same way back.

Nothing of what the sandbox wrote reaches the host but the method, the path, the headers for it and
the bytes of the body: what one side takes for a request is what the other side gets.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import h11

from policyc.runtime.sandbox.egress.framing import too_long
from policyc.runtime.sandbox.egress.records import Refused, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.runtime.sandbox.egress.entries import Entry
    from policyc.runtime.sandbox.egress.limits import EgressLimits
    from policyc.runtime.sandbox.egress.streams import Side
    from policyc.runtime.sandbox.egress.targets import Target

    Header = tuple[bytes, bytes]

_HOP: Final = frozenset(
    b"connection expect host keep-alive proxy-authenticate proxy-authorization proxy-connection "
    b"te trailer transfer-encoding upgrade content-length".split()
)
"""Headers of one hop: written anew for the next, or dropped."""


class Exchange:
    """One request and its answer."""

    def __init__(
        self, guest: Side, upstream: Side, target: Target, limits: EgressLimits, entry: Entry
    ) -> None:
        self._guest = guest
        self._upstream = upstream
        self._target = target
        self._limits = limits
        self._entry = entry
        self._client = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.head)
        self.may_follow = False
        """Whether another request may follow on this connection."""

    async def run(self, http: h11.Connection, event: h11.Request) -> bytes:
        """Pass the request that `http` has read the head of; gives what came after it.

        Raises:
            Refused: it, or the answer, is no HTTP, or is too long.
            OSError: one side went away.
        """
        await self._send_head(event)
        upload = asyncio.create_task(self._upload(http))
        download = asyncio.create_task(self._download(http))
        try:
            await asyncio.wait({upload, download}, return_when=asyncio.FIRST_COMPLETED)
            if upload.done():
                upload.result()
            await download  # an answer may come before the end of the request
        finally:
            for task in (upload, download):
                task.cancel()
            await asyncio.gather(upload, download, return_exceptions=True)
        self.may_follow = http.our_state is h11.DONE and http.their_state is h11.DONE
        return http.trailing_data[0] if self.may_follow else b""

    async def _send_head(self, event: h11.Request) -> None:
        framing = [
            one for one in event.headers if one[0] in (b"content-length", b"transfer-encoding")
        ]
        request = h11.Request(
            method=self._target.method,
            target=str(self._target.path),
            headers=[
                (b"Host", self._target.authority.encode("ascii")),
                *_end_to_end(event.headers.raw_items()),
                *framing,
                (b"Connection", b"close"),
            ],
        )
        await self._write_upstream(request)

    async def _write_upstream(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        data = self._client.send(event)
        # A host that reads no more may have answered before: the download will tell.
        with suppress(OSError):
            await self._upstream.write(data or b"")

    async def _upload(self, http: h11.Connection) -> None:
        if http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            await self._guest.write(http.send(go_on) or b"")
        length = 0
        try:
            while True:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    http.receive_data(await self._guest.read())
                elif isinstance(event, h11.Data):
                    length += len(event.data)
                    if length > self._limits.body:
                        raise too_long(self._limits.body)
                    await self._write_upstream(h11.Data(data=bytes(event.data)))
                else:  # the trailers of the request are dropped
                    await self._write_upstream(h11.EndOfMessage())
                    return
        except h11.ProtocolError as error:
            raise Refused(Rule.FRAMING, str(error), 400) from None

    async def _download(self, http: h11.Connection) -> None:
        try:
            while True:
                event = self._client.next_event()
                if event is h11.NEED_DATA:
                    self._client.receive_data(await self._upstream.read())
                elif isinstance(event, h11.Response):
                    await self._answer(http, event)
                elif isinstance(event, h11.Data):
                    await self._guest.write(http.send(h11.Data(data=bytes(event.data))) or b"")
                elif isinstance(event, h11.EndOfMessage):
                    await self._guest.write(http.send(h11.EndOfMessage()) or b"")
                    return
                elif not isinstance(event, h11.InformationalResponse):
                    raise Refused(Rule.UPSTREAM, "the host ended without an answer", 502)
        except h11.ProtocolError as error:
            raise Refused(Rule.UPSTREAM, f"the host does not speak HTTP: {error}", 502) from None

    async def _answer(self, http: h11.Connection, event: h11.Response) -> None:
        is_chunked = any(name == b"transfer-encoding" for name, _ in event.headers)
        headers = _end_to_end(event.headers.raw_items())
        if not is_chunked:
            headers += [one for one in event.headers if one[0] == b"content-length"]
        response = h11.Response(status_code=event.status_code, headers=headers, reason=event.reason)
        self._entry.status = event.status_code
        await self._guest.write(http.send(response) or b"")


def _end_to_end(headers: Sequence[Header]) -> list[Header]:
    """The headers that are for the other end."""
    kept = [(name, value) for name, value in headers if name.lower() not in _HOP]
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    return [(name, value) for name, value in kept if name.lower() not in named]
