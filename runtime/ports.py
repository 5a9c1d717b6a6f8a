"""Free ports of this machine, of which no two processes get the same.

Where the container engine can choose a port itself, let it. Where the number has to be known
before, it is reserved here: by a lock on a file of the user, held as long as the port is used.

A lock goes with its process, however that ends, so none is ever stale. Its file stays:
to remove it while another process waits for it would give two processes the same port.
"""

from __future__ import annotations

import errno
import os
import random
import socket
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from filelock import FileLock, Timeout

from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

DEFAULT_RANGE: Final = range(30000, 40000)
"""Ports for servers in containers; the same as OpenHands takes."""

SECONDS: Final = 10.0
"""A search may take."""

FOLDER_VARIABLE: Final = "POLICYC_LOCK_DIR"


class PortsExhausted(BackendError):
    """No port of the range is free."""


class PortFolderError(BackendError):
    """The folder of the locks cannot be trusted, or not be used."""


class Port:
    """A port that is reserved until it is released, or the process ends. A context manager."""

    def __init__(self, number: int, lock: FileLock) -> None:
        self.number = number
        self._lock = lock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def release(self) -> None:
        """Let others have it; again is no error."""
        self._lock.release(force=True)

    @property
    def is_held(self) -> bool:
        return self._lock.is_locked


def reserve_port(
    ports: range = DEFAULT_RANGE,
    *,
    seconds: float = SECONDS,
    taken: Callable[[], Collection[int]] | None = None,
    folder: Path | None = None,
) -> Port:
    """Reserve a port that nobody listens on and no other process has reserved.

    Args:
        ports: those that may be had. The search begins somewhere in it.
        seconds: how long the search may take.
        taken: gives ports that are in use though nobody listens on them here, as those that a
            container engine passes on by rules of the kernel.
        folder: of the locks; by default a private one of the user.

    Raises:
        PortsExhausted: none is free, or none was found in time.
        PortFolderError: the locks cannot be used.
    """
    place = private_folder() if folder is None else folder
    end = time.monotonic() + seconds
    in_use = frozenset(taken()) if taken is not None else frozenset()
    tried = 0
    for number in _from_somewhere(ports):
        if time.monotonic() > end:
            raise PortsExhausted(
                f"no free port in {_named(ports)} was found in {seconds:g} seconds: {tried} of "
                f"{len(ports)} were tried"
            )
        tried += 1
        if number in in_use:
            continue
        lock = _lock(place / f"port_{number}.lock")
        if lock is None:
            continue
        if is_free(number):
            return Port(number, lock)
        lock.release()
    raise PortsExhausted(
        f"all ports of {_named(ports)} are in use: give a larger range, or end what uses them"
    )


def is_free(number: int) -> bool:
    """Whether nobody on this machine listens on a port, at any address of either family."""
    families = [(socket.AF_INET, "0.0.0.0")]  # noqa: S104  # to find whoever listens anywhere
    if socket.has_ipv6:
        families.append((socket.AF_INET6, "::"))
    for family, address in families:
        try:
            made = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue  # a kernel without this family
        with made:
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                made.bind((address, number))
            except OSError as error:
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    continue  # this family has no address
                return False
    return True


def private_folder() -> Path:
    """The folder of the locks: of this user alone, the same for all processes of the user.

    Raises:
        PortFolderError: something else is there, or it cannot be made.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if chosen:
        folder = Path(chosen)
    elif runtime and os.path.isdir(runtime):
        folder = Path(runtime) / "policyc-ports"
    else:
        folder = Path(tempfile.gettempdir()) / f"policyc-ports-{os.getuid()}"
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=bool(chosen))
        found = folder.lstat()
    except OSError as error:
        raise PortFolderError(
            f"no locks of ports can be kept in `{folder}`: {error.strerror}; set {FOLDER_VARIABLE}"
        ) from None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or found.st_mode & 0o022:
        raise PortFolderError(
            f"`{folder}` must be a folder that only you can write to: remove it, or set "
            f"{FOLDER_VARIABLE} to another"
        )
    return folder


def _lock(path: Path) -> FileLock | None:
    """The lock of a port; None: another process has it.

    Raises:
        PortFolderError: it cannot be made.
    """
    # Of a file that others could have planted nothing is followed, emptied or removed.
    lock = FileLock(
        path, mode=0o600, thread_local=False, preserve_lock_file=True, fallback_to_soft=False
    )
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    except OSError as error:
        raise PortFolderError(f"the lock `{path}` cannot be used: {error.strerror}") from None
    return lock


def _from_somewhere(ports: range) -> Iterator[int]:
    """All of a range, from a random place on: those who search at once seldom meet."""
    if not ports:
        return
    start = random.randrange(len(ports))  # noqa: S311  # no secret
    for offset in range(len(ports)):
        yield ports[(start + offset) % len(ports)]


def _named(ports: range) -> str:
    return f"{ports[0]} to {ports[-1]}" if ports else "an empty range"
