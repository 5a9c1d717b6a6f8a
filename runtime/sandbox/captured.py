"""What a command writes, within bounds: its beginning and its end are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from policyc.runtime.sandbox.provider import Chunk

_MARK: Final = 48
"""Bytes of the line that stands for what is left out, at most."""


class Captured:
    """The output of a command, both streams together at most `bound` bytes. Whoever fills it stops
    when it `is_over`: it keeps what it is given until then."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._stdout = bytearray()
        self._stderr = bytearray()

    def add(self, chunk: Chunk) -> None:
        """Keep what was written."""
        kept = self._stdout if chunk.stream == "stdout" else self._stderr
        kept += chunk.data

    @property
    def room(self) -> int:
        """Bytes that may still be written."""
        return max(0, self._bound - len(self._stdout) - len(self._stderr))

    @property
    def is_over(self) -> bool:
        """Whether more was written than may be."""
        return len(self._stdout) + len(self._stderr) > self._bound

    @property
    def stdout(self) -> bytes:
        """What of standard output is kept."""
        return _cut(self._stdout, self._bound - min(len(self._stderr), self._errors))

    @property
    def stderr(self) -> bytes:
        """What of standard error is kept."""
        return _cut(self._stderr, self._errors)

    @property
    def _errors(self) -> int:
        """What standard error may have: half of all, or what the other leaves."""
        return max(self._bound // 2, self._bound - len(self._stdout))


def _cut(data: bytearray, size: int) -> bytes:
    """The beginning and the end, as much as may be; a line between them tells what is left out."""
    if len(data) <= size:
        return bytes(data)
    room = max(0, size - _MARK)
    head, tail = data[: room - room // 2], data[len(data) - room // 2 :]
    mark = f"\n[... {len(data) - room} bytes left out ...]\n".encode()
    return bytes(head + mark[: size - room] + tail)
