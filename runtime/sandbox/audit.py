"""The audit log: one line of JSON for everything that was decided, each bound to the one before.

A record holds `seq` (from 1), `time` (UTC, ISO 8601), `kind`, what it is about, `prev` and
`hash`, as canonical JSON (sorted keys, no spaces, ASCII). `hash` is the SHA-256 of the record
without it, in hex; `prev` is the hash of the line before, 64 zeros for the first. So a line that
was changed, taken out, put in or moved is noticed; that lines are missing at the end is noticed by
whoever kept the hash of a later one.

A record is on the disk before what it decides happens. What a crash left unfinished of the last
line was never acted on; the next record to be written keeps it as it was found.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

START: Final = "0" * 64
"""What the first record is bound to."""

_LOCK_SECONDS: Final = 10.0
_BLOCK: Final = 65536


class AuditError(SandboxError):
    """The audit log cannot be written or read. Nothing happens that is not in it."""


def default_path() -> Path:
    """The audit log of this user."""
    return state_folder() / "audit.jsonl"


def canonical(value: Any) -> bytes:
    """JSON with one form for each value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def digest(value: Any) -> str:
    """The SHA-256 of a JSON value in its canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


class AuditLog:
    """A log that any number of threads and processes write to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = threading.Lock()
        self._lock = FileLock(f"{path}.lock", timeout=_LOCK_SECONDS, mode=0o600)
        self._end = -1
        """The size of the file after our last record; another one means that others wrote too."""
        self._last: tuple[int, str] = (0, START)

    def append(self, kind: str, **content: Any) -> str:
        """Write a record; its hash. It is on the disk when this returns.

        Raises:
            AuditError: it cannot be written.
        """
        try:
            with self._thread, self._lock:
                try:
                    return self._append(kind, content)
                except BaseException:
                    self._end = -1  # what is on the disk now has to be looked at
                    raise
        except Timeout:
            raise AuditError(
                f"the audit log `{self.path}` is held by another process for more than "
                f"{_LOCK_SECONDS:g} seconds"
            ) from None
        except OSError as error:
            raise AuditError(
                f"the audit log `{self.path}` cannot be written: {error.strerror or error}"
            ) from None

    def _append(self, kind: str, content: dict[str, Any]) -> str:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        is_new = not self.path.exists()
        descriptor = os.open(self.path, flags, 0o600)
        with os.fdopen(descriptor, "rb+", buffering=0) as file:
            found = os.fstat(descriptor)
            self._check(found)
            size = found.st_size
            lines = b""
            if size != self._end:
                torn = self._catch_up(file, size)
                if torn:
                    told = torn.decode("utf-8", "backslashreplace")
                    lines += self._line("recovered", {"unfinished": told})
            lines += self._line(kind, content)
            # A raw file may write less than it was given.
            left = memoryview(lines)
            while left:
                left = left[file.write(left) :]
            os.fsync(descriptor)
            self._end = os.fstat(descriptor).st_size
        if is_new:
            _sync_folder(self.path.parent)
        return self._last[1]

    def _check(self, found: os.stat_result) -> None:
        """A log that others could write, or that keeps nothing, is none."""
        if not stat.S_ISREG(found.st_mode):
            raise AuditError(f"the audit log `{self.path}` is no file")
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            raise AuditError(
                f"the audit log `{self.path}` must be a file that only you can write to: change "
                "that, or name another"
            )

    def _line(self, kind: str, content: dict[str, Any]) -> bytes:
        number, previous = self._last
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        record = {**content, "seq": number + 1, "time": now, "kind": kind, "prev": previous}
        hashed = digest(record)
        self._last = (number + 1, hashed)
        return canonical({**record, "hash": hashed}) + b"\n"

    def _catch_up(self, file: Any, size: int) -> bytes:
        """Find the last record; what is after it is taken out and returned."""
        whole, torn = _tail(file, size)
        self._last = (0, START)
        if whole:
            try:
                record = json.loads(whole)
                self._last = (int(record["seq"]), str(record["hash"]))
            except (ValueError, TypeError, KeyError):
                raise AuditError(
                    f"the last line of the audit log `{self.path}` is no record: "
                    "`policyc audit verify` says more; put the file aside to begin a new log"
                ) from None
        if torn:
            os.ftruncate(file.fileno(), size - len(torn))
        return torn


def _tail(file: BinaryIO, size: int) -> tuple[bytes, bytes]:
    """The last whole line of a file, and what stands after it."""
    at, data = size, b""
    while at > 0 and data.count(b"\n") < 2:
        step = min(_BLOCK, at)
        at -= step
        file.seek(at)
        data = file.read(step) + data
    whole, _, torn = data.rpartition(b"\n")
    return whole.rpartition(b"\n")[2], torn


def _sync_folder(folder: Path) -> None:
    """A new file is only there after a crash when its folder was written as well."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Problem:
    """A line (from 1) that does not fit."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading a log from its beginning showed.

    `head` is the hash of the last record. `unfinished`: the last line was cut off by a crash,
    before anything that it decides happened.
    """

    records: int
    head: str
    problems: tuple[Problem, ...]
    unfinished: bool = False

    @property
    def is_intact(self) -> bool:
        """Whether every line fits the one before."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "records": self.records,
            "head": self.head,
            "intact": self.is_intact,
            "unfinished": self.unfinished,
            "problems": [{"line": one.line, "message": one.message} for one in self.problems],
        }


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a log, in order, without looking at their hashes.

    Raises:
        AuditError: the file cannot be read, or a line is no record.
    """
    for number, line in _lines(path):
        if not line.endswith(b"\n"):
            return
        record = _record(line)
        if record is None:
            raise AuditError(f"line {number} of the audit log `{path}` is no record")
        yield record


def verify(path: Path, expected: str | None = None) -> Verification:
    """Read a log from its beginning and see whether each line fits.

    Args:
        path: of the log.
        expected: the hash of a record that must be in it, kept from an earlier look.

    Raises:
        AuditError: the file cannot be read.
    """
    problems: list[Problem] = []
    seq, previous, number = 0, START, 0
    is_there = expected in (None, START)
    for number, line in _lines(path):
        if not line.endswith(b"\n"):
            return Verification(
                number - 1, previous, _missing(problems, is_there, number), unfinished=True
            )
        record = _record(line)
        if record is None:
            problems.append(Problem(number, "is no record"))
            continue
        if canonical(record) + b"\n" != line:
            problems.append(Problem(number, "is not written as records are"))
        said = record.pop("hash")
        if digest(record) != said:
            problems.append(Problem(number, "was changed: its hash is another"))
        if record["prev"] != previous:
            problems.append(Problem(number, "does not follow the line before it"))
        elif record["seq"] != seq + 1:
            problems.append(Problem(number, f"has the number {record['seq']}, not {seq + 1}"))
        seq, previous = record["seq"], said
        is_there = is_there or said == expected
    return Verification(number, previous, _missing(problems, is_there, number + 1))


def _missing(problems: list[Problem], is_there: bool, line: int) -> tuple[Problem, ...]:
    if not is_there:
        problems.append(Problem(line, "the record that was expected is not in the log"))
    return tuple(problems)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            yield from enumerate(file, 1)
    except OSError as error:
        raise AuditError(
            f"the audit log `{path}` cannot be read: {error.strerror or error}"
        ) from None


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    is_whole = (
        isinstance(record.get("seq"), int)
        and isinstance(record.get("prev"), str)
        and isinstance(record.get("hash"), str)
    )
    return record if is_whole else None
