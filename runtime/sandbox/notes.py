"""What is known of a sandbox besides what its provider tells: its key, who keeps it, when it was
used, where its ports are served.

Files in the folder of the sandbox, of this user alone, so that all processes of the user know the
same. A use is a lock: it ends with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.owners import Owner, is_dead
from policyc.runtime.sandbox.state import is_name, sandbox_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_KEY: Final = "session-key"
_KEPT: Final = "kept"
_USED: Final = "used"
_URLS: Final = "urls.json"
_SCOPE: Final = "scope"
_UNFINISHED_SECONDS: Final = 60.0
"""A living process has written its first note by then."""
_OURS: Final = (_KEY, _KEPT, _USED, _URLS, _SCOPE)


@dataclass(frozen=True, slots=True)
class ExposedUrl:
    """Where a port of a sandbox is served on this machine; `port` is its number in the sandbox."""

    name: str
    url: str
    port: int


class Notes:
    """The notes on the sandboxes of one scope; see `Provider.scope`."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    @property
    def lock(self) -> Path:
        """The lock under which the limit is looked at and acted upon."""
        folder = state_folder() / "limits"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{hashlib.sha256(self._scope.encode()).hexdigest()[:16]}.lock"

    def begin(self, sandbox: str, key: str, *, keeps: bool) -> None:
        """Note that there is a sandbox; the owner is alive until this is done. `key`: of its
        session, empty where it is not known here."""
        sandbox_folder(sandbox, make=True)
        _write(sandbox, _SCOPE, self._scope)
        if key:
            _write(sandbox, _KEY, key)
        self.touch(sandbox)
        if keeps:
            self.keep(sandbox)

    def key(self, sandbox: str) -> str | None:
        """The key of its session."""
        return _read(sandbox, _KEY)

    def keep(self, sandbox: str) -> None:
        """Let it outlive the process that owns it."""
        _mark(sandbox, _KEPT)

    def keep_no_more(self, sandbox: str) -> None:
        """It goes with its owner again."""
        (sandbox_folder(sandbox) / _KEPT).unlink(missing_ok=True)

    def is_kept(self, sandbox: str) -> bool:
        """Whether it outlives its owner."""
        return (sandbox_folder(sandbox) / _KEPT).exists()

    def touch(self, sandbox: str) -> None:
        """It was used now."""
        _mark(sandbox, _USED)

    def used(self, sandbox: str) -> datetime | None:
        """When it was used last, None where nobody noted it."""
        try:
            found = (sandbox_folder(sandbox) / _USED).stat()
        except OSError:
            return None
        return datetime.fromtimestamp(found.st_mtime, UTC)

    @contextmanager
    def use(self, sandbox: str) -> Iterator[None]:
        """It is used as long as this lasts, by whatever number of processes."""
        self.touch(sandbox)
        file = os.open(sandbox_folder(sandbox) / _USED, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield
            os.utime(file)
        finally:
            os.close(file)

    def is_in_use(self, sandbox: str) -> bool:
        """Whether anybody uses it right now."""
        try:
            file = os.open(sandbox_folder(sandbox) / _USED, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False

    def expose(self, sandbox: str, urls: Sequence[ExposedUrl]) -> None:
        """This process serves ports of it, until it ends."""
        told = {"owner": str(Owner.current()), "urls": [asdict(one) for one in urls]}
        _write(sandbox, _URLS, json.dumps(told))

    def exposed(self, sandbox: str) -> tuple[ExposedUrl, ...]:
        """Where its ports are served, by a process that lives."""
        try:
            told: dict[str, Any] = json.loads(_read(sandbox, _URLS) or "{}")
            if not told or is_dead(told["owner"]):
                return ()
            return tuple(ExposedUrl(**one) for one in told["urls"])
        except (ValueError, KeyError, TypeError):  # written by another version
            return ()

    def forget(self, sandbox: str) -> None:
        """Remove the notes. What others keep in the folder stays, as traces do."""
        folder = sandbox_folder(sandbox)
        for name in _OURS:
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()

    def noted(self) -> list[str]:
        """The sandboxes that there are notes on."""
        folder = state_folder() / "sandboxes"
        if not folder.is_dir():
            return []
        names = [one.name for one in folder.iterdir() if is_name(one.name)]
        scopes = {name: _read(name, _SCOPE) for name in names}
        for name, scope in scopes.items():
            if scope is None:
                _remove_unfinished(folder / name)
        return [name for name, scope in scopes.items() if scope == self._scope]


def _remove_unfinished(folder: Path) -> None:
    """Remove a folder whose maker was killed before its first note was whole."""
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime > _UNFINISHED_SECONDS:
            for one in folder.glob("*.new"):
                one.unlink(missing_ok=True)
            folder.rmdir()


def _write(sandbox: str, name: str, text: str) -> None:
    """Write a note: whole, or not at all."""
    path = sandbox_folder(sandbox, make=True) / name
    unfinished = path.with_name(f"{name}.{os.getpid()}-{threading.get_ident()}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.rename(path)


def _mark(sandbox: str, name: str) -> None:
    """Make an empty file, or give it the time of now. It stays the same file: uses are locks on
    it."""
    path = sandbox_folder(sandbox, make=True) / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.utime(descriptor)
    os.close(descriptor)


def _read(sandbox: str, name: str) -> str | None:
    try:
        return (sandbox_folder(sandbox) / name).read_text()
    except OSError:
        return None
