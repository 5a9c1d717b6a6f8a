"""One side of a connection: bytes in and out, counted."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE: Final = 64 * 1024


class Side:
    """What is read from and written to one peer. `passed` is told each number of bytes."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passed: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._passed = passed
        self.bytes_in = 0
        self.bytes_out = 0

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        data = await self._reader.read(PIECE)
        self.bytes_in += len(data)
        self._passed(len(data))
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes; returns when the peer takes them fast enough."""
        self.bytes_out += len(data)
        self._passed(len(data))
        self._writer.write(data)
        await self._writer.drain()

    def end(self) -> None:
        """Nothing more is sent."""
        if self._writer.can_write_eof() and not self._writer.is_closing():
            self._writer.write_eof()

    async def close(self, seconds: float) -> None:
        """Let go of it once everything is sent, or when that takes too long."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                await self._writer.wait_closed()
        self.abort()

    def abort(self) -> None:
        """Let go of it at once."""
        self._writer.transport.abort()
