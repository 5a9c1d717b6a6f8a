"""Processes whose output, errors and end come as frames of one connection, one at a time."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from typing import Final

from policyc.runtime.sandbox.provider import Chunk, Finish, Process

MOST_WAITING: Final = 64
"""Pieces of output that are kept while it is asked how the process ended."""


class FramedProcess(Process):
    """What is the same for all of them; `_receive` takes in a frame."""

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._chunks: deque[Chunk] = deque()
        self._is_at_end = False
        self._finish: Finish | None = None

    def read(self, timeout: float | None) -> Chunk | None:
        end = None if timeout is None else time.monotonic() + timeout
        with self._reading:
            while not self._chunks:
                if self._is_at_end:
                    return None
                self._receive(end)
            return self._chunks.popleft()

    def finish(self, timeout: float) -> Finish:
        end = time.monotonic() + timeout
        with self._reading:
            while self._finish is None:
                if len(self._chunks) >= MOST_WAITING:
                    raise TimeoutError("it still writes: read that first")
                self._receive(end)
            return self._finish

    @abstractmethod
    def _receive(self, end: float | None) -> None:
        """Take in a frame.

        Raises:
            TimeoutError: there is none until then.
            SandboxError: the other side tells of one.
        """
