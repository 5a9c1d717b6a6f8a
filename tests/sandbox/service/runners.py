"""What other processes do in these tests; started by a server of forks, so that each is quick."""

from __future__ import annotations

import multiprocessing
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.sandbox.local_provider import LocalProvider

from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.service import SandboxService
from policyc.runtime.sandbox.spec import SandboxSpec
from policyc.runtime.sandbox.state import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext

SPEC = SandboxSpec()


def context() -> ForkServerContext:
    """Starts processes."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([__name__])
    return made


def run(do: Callable[..., None], state: str, *arguments: Any) -> None:
    """Do something with a state folder: the environment here is that of the server of forks."""
    os.environ[FOLDER_VARIABLE] = state
    do(*arguments)


def start_one(folder: str, limit: int, said: Connection) -> None:
    """Start a sandbox when told to, say so, and wait to be killed."""
    service = SandboxService(LocalProvider(Path(folder)), limit=limit)
    said.send("ready")
    said.recv()
    said.send(service.start(SPEC).id)
    said.recv()


def live(folder: str, said: Connection) -> None:
    """Do everything that there is to do, again and again."""
    provider = LocalProvider(Path(folder))
    service = SandboxService(provider, limit=2)
    said.send("ready")
    while True:
        first = service.start(SPEC)
        provider.start_process(first.id, ["sh", "-c", "setsid sleep 60 & sleep 60"])
        second = service.start(SPEC)
        service.pause(first.id)
        service.start(SPEC, keep=False)
        with suppress(SandboxError):
            service.resume(first.id)
        service.delete(second.id)
        service.delete(first.id)
        said.send("again")


def hold_the_lock(folder: str, said: Connection) -> None:
    """Hold the lock of the limit, and wait to be killed."""
    service = SandboxService(LocalProvider(Path(folder)))
    with service._capacity.locked():
        said.send("locked")
        said.recv()
