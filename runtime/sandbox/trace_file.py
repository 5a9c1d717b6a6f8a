"""The trace of a sandbox on disk: what was asked of it, what was refused, what came out.

One line of JSON for each event: `{"event": ..., "ran": true}`. A refused call has `"ran": false`;
it is no part of the past by which others are judged. An event is written before what it stands for
happens, so a runner that is killed loses none; a machine that stops has no sandboxes left either.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from policyc.runtime.sandbox.failures import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Event = dict[str, Any]


class Entry(NamedTuple):
    """An event, and whether it happened."""

    event: Event
    ran: bool


class TraceFile:
    """A trace that is written as it grows. `path` None: it is kept in memory only."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self.count = 0
        """How many events happened."""
        self._size = 0
        """Of what is taken in."""
        self._torn = 0
        """Bytes after that, of a line that has no end yet."""
        self.refresh()

    def refresh(self) -> bool:
        """Take in what another process wrote; whether there was any. Nothing is changed: a line
        without an end may be one that is being written.

        Raises:
            SandboxError: the file cannot be read.
        """
        if self.path is None or _size(self.path) == self._size + self._torn:
            return False
        self.entries, self._size, self._torn = _read(self.path)
        self.count = sum(entry.ran for entry in self.entries)
        return True

    @property
    def past(self) -> list[Event]:
        """What happened."""
        return [entry.event for entry in self.entries if entry.ran]

    @property
    def all(self) -> list[Event]:
        """What happened and what was refused, as the agent saw it."""
        return [entry.event for entry in self.entries]

    def add(self, events: Sequence[Event], *, ran: bool = True) -> None:
        """Write the next events, in place of a line that a crash cut off. Only one process may do
        so at a time, and after a `refresh`.

        Raises:
            SandboxError: they cannot be written.
        """
        entries = [Entry(event, ran) for event in events]
        if self.path is not None:
            lines = "".join(json.dumps(entry._asdict()) + "\n" for entry in entries)
            try:
                if self._torn:
                    os.truncate(self.path, self._size)
                    self._torn = 0
                self._size = _append(self.path, lines.encode("ascii"))
            except OSError as error:
                raise SandboxError(
                    f"the trace `{self.path}` cannot be written: {error.strerror or error}"
                ) from None
        self.entries += entries
        self.count += len(entries) * ran


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(path: Path, data: bytes) -> int:
    """Write at the end of a file; its size then."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        return os.fstat(file.fileno()).st_size


def _read(path: Path) -> tuple[list[Entry], int, int]:
    """The events of a file, the size of their lines, and that of a last line without an end: one
    that a crash cut off stands for nothing that happened."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0, 0
    except OSError as error:
        raise SandboxError(
            f"the trace `{path}` cannot be read: {error.strerror or error}"
        ) from None
    whole, _, torn = data.rpartition(b"\n")
    try:
        entries = [Entry(**json.loads(line)) for line in whole.splitlines() if line]
    except (ValueError, TypeError) as error:
        raise SandboxError(f"the trace `{path}` is damaged: {error}") from None
    return entries, len(data) - len(torn), len(torn)
