"""The way to the container engine: one client a process, made again when the engine was."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from policyc.runtime.containers.engine import (
    SECONDS,
    EngineAbsent,
    EngineElsewhere,
    EngineError,
    EngineForbidden,
    EngineSilent,
    connected,
    knock,
    told,
)
from policyc.runtime.sandbox.failures import ProviderUnavailable, SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

PATIENCE_SECONDS: Final = 5.0
"""An engine that is started again may take."""


class Connection:
    """A client that is made by need. Threads share it; a forked process makes one of its own."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS, seconds: int = SECONDS) -> None:
        """`patience`: seconds that an engine which is gone may take to come back; `seconds`: that
        one request may take."""
        self._patience = patience
        self._seconds = seconds
        self._lock = threading.Lock()
        self._client: DockerClient | None = None
        self._pid = 0

    @property
    def seconds(self) -> int:
        """That a request may take."""
        return self._seconds

    @contextmanager
    def client(self, *, patience: float | None = None) -> Iterator[DockerClient]:
        """The client; what goes wrong while it is used is a `SandboxError`.

        Raises:
            ProviderUnavailable: no engine answers.
        """
        with as_sandbox_errors():
            yield self._current(self._patience if patience is None else patience)

    def _current(self, patience: float) -> DockerClient:
        if self._pid != os.getpid():
            # Of the process that this one was forked from, which may have held the lock.
            self._lock, self._client, self._pid = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._client is not None:
                try:
                    knock()
                except EngineAbsent:
                    self._client.close()
                    self._client = None
            if self._client is None:
                self._client = connected(patience=patience, seconds=self._seconds)
            return self._client

    def close(self) -> None:
        """Let go of the client; the next use makes one again."""
        if self._pid != os.getpid():
            return
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None


@contextmanager
def as_sandbox_errors() -> Iterator[None]:
    """What the engine or the way to it raises, as a `SandboxError`."""
    try:
        with told():
            yield
    except (EngineAbsent, EngineForbidden, EngineSilent, EngineElsewhere) as error:
        raise ProviderUnavailable(str(error)) from None
    except EngineError as error:
        raise SandboxError(str(error)) from None
