"""Who uses a container, across the processes of a user: as locks, which go with their process.

Every user holds a shared lock on one file of the container. Whoever can have that file alone is the
last one. There is no count that a killed process could leave wrong.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from policyc.runtime.failures import BackendError
from policyc.runtime.ports import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS: Final = 120.0
"""To wait for other processes that start or stop the container."""


@contextmanager
def locked(name: str, seconds: float = SECONDS) -> Iterator[None]:
    """No other process looks for, starts or stops the container of that name.

    Raises:
        BackendError: others do for too long, or there can be no locks.
    """
    path = private_folder() / f"{name}.lock"
    lock = FileLock(
        path, timeout=seconds, mode=0o600, preserve_lock_file=True, fallback_to_soft=False
    )
    try:
        lock.acquire()
    except Timeout:
        raise BackendError(
            f"another process has been starting or stopping the container `{name}` for more than "
            f"{seconds:g} seconds: end it, and try again"
        ) from None
    except OSError as error:
        raise BackendError(f"the lock `{path}` cannot be used: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


class Use:
    """That this process uses a container. Taken and ended only while `locked`."""

    def __init__(self, name: str) -> None:
        _end_inherited()
        self._file = os.open(_path(name, "users"), _FLAGS, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)
        self._pid = os.getpid()
        self._end = weakref.finalize(self, os.close, self._file)
        _uses.add(self)

    @property
    def is_ours(self) -> bool:
        """Whether it is of this process, not of the one that this was forked from."""
        return self._pid == os.getpid()

    @property
    def is_last(self) -> bool:
        """Whether nobody else uses the container."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # To ask for it alone has given up the share.
            fcntl.flock(self._file, fcntl.LOCK_SH)
            return False
        fcntl.flock(self._file, fcntl.LOCK_SH)
        return True

    def end(self) -> None:
        """Use it no more; again is no error. One that is forgotten ends by itself."""
        self._end()


_uses: weakref.WeakSet[Use] = weakref.WeakSet()


def _end_inherited() -> None:
    """Let go of what the process uses from which this one was forked: a lock is held until all who
    have its file have closed it."""
    for use in list(_uses):
        if not use.is_ours:
            use.end()


def end_all() -> None:
    """End all uses of this process."""
    for use in list(_uses):
        use.end()


_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def is_used(name: str) -> bool:
    """Whether any process uses a container; ask while `locked`."""
    use = Use(name)
    try:
        return not use.is_last
    finally:
        use.end()


def keep(name: str) -> None:
    """Let the container run on when its last user is gone, until `keep_no_more`."""
    os.close(os.open(_path(name, "keep"), _FLAGS, 0o600))


def keep_no_more(name: str) -> None:
    """The last user stops the container again."""
    if is_kept(name):
        os.unlink(_path(name, "keep"))


def is_kept(name: str) -> bool:
    """Whether the container runs on without users."""
    return os.path.lexists(_path(name, "keep"))


def _path(name: str, kind: str) -> str:
    return str(private_folder() / f"{name}.{kind}")
