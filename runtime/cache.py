"""Compiled policies on disk, so that a command does not compile what it compiled before.

An entry is named by what it was made from: the texts of the files and their names, the version of
policyc with the times of its own files, and the version of Python. It starts with a digest of its
content; one that does not fit is made again. Entries are written under a lock to a file of their
own and then renamed into place. A folder that cannot be used (not writable, or someone else's) only
means that nothing is kept.

`POLICYC_CACHE_DIR` names another folder; `POLICYC_NO_CACHE=1` turns the cache off.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import pickle
import stat
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from policyc.runtime.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyc.compiler.plan import Plan
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.source import Source

MAX_ENTRIES = 256
"""Entries that are kept; the oldest are removed."""

_MAGIC = b"policyc\x01"
_DIGEST = hashlib.sha256().digest_size


def folder() -> Path | None:
    """The folder of the cache; None where it is turned off or has no place."""
    if os.environ.get("POLICYC_NO_CACHE", "") not in ("", "0"):
        return None
    named = os.environ.get("POLICYC_CACHE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "policyc"
    except RuntimeError:  # a user without a home, as in some containers
        return None


def private_folder() -> Path | None:
    """The folder of the cache, made if need be; None where nothing can be kept in it."""
    home = folder()
    return home if home is not None and _is_private(home) else None


def cached(
    sources: Sequence[Source],
    make: Callable[[], tuple[Program, tuple[Diagnostic, ...]]],
    may_keep: Callable[[Program], bool],
) -> tuple[Program, tuple[Diagnostic, ...]]:
    """The program of some sources: from the cache, else made, and kept if it may be."""
    home = private_folder()
    if home is None:
        return make()
    path = home / f"{digest_of(sources)}.bin"
    found = _read(path)
    if found is not None:
        return found
    # Loaded only where something is written: reading needs no lock, entries are renamed into place.
    from filelock import FileLock, Timeout  # noqa: PLC0415

    try:
        with FileLock(home / "lock", timeout=10):
            found = _read(path)
            if found is None:
                found = make()
                if may_keep(found[0]):
                    _write(path, *found)
            return found
    except (OSError, Timeout) as error:
        _note("nothing is kept in %s: %s", home, error)
        return found or make()


def _is_private(home: Path) -> bool:
    """Whether the folder is ours alone; it is made where it is not there."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = home.stat()
    except OSError as error:
        _note("the cache cannot be used: %s", error)
        return False
    if os.name != "posix":
        return True
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        _note("the cache %s is not used: others may write to it", home)
        return False
    return True


def digest_of(sources: Sequence[Source]) -> str:
    """A digest of all that what is made from some sources depends on."""
    digest = hashlib.sha256(_fingerprint().encode())
    for source in sources:
        for part in (source.path or "", source.text):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(f"{len(data)}:".encode())
            digest.update(data)
    return digest.hexdigest()


@cache
def _fingerprint() -> str:
    """What else an entry depends on: Python, and the files of policyc by their times and sizes."""
    parts = [sys.version, str(sys.implementation.cache_tag)]
    for package in ("policyc.grammar", "policyc.compiler", "policyc.runtime"):
        module = sys.modules[package]
        for root in module.__path__:
            parts.extend(_stamps(root))
    return "\n".join(parts)


def _stamps(root: str) -> list[str]:
    stamps = []
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.endswith((".py", ".lark")):
                found = entry.stat()
                stamps.append(f"{entry.name} {found.st_mtime_ns} {found.st_size}")
            elif entry.is_dir() and not entry.name.startswith("_"):
                stamps.extend(_stamps(entry.path))
    return sorted(stamps)


def _read(path: Path) -> tuple[Program, tuple[Diagnostic, ...]] | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST
    content = data[start:]
    if (
        data[: len(_MAGIC)] != _MAGIC
        or hashlib.sha256(content).digest() != data[len(_MAGIC) : start]
    ):
        _note("the entry %s is damaged and is made again", path)
        return None
    try:
        code, generated, diagnostics, plan = pickle.loads(content)  # noqa: S301  # our own, see _is_private
        found = pickle.loads(diagnostics) if diagnostics else ()  # noqa: S301  # as above

        def load() -> Plan:
            made: Plan = pickle.loads(plan)  # noqa: S301  # as above
            return made

        return Program(load, generated, marshal.loads(code)), found  # noqa: S302  # as above
    except Exception as error:  # whatever is wrong with an entry, it is made again
        _note("the entry %s cannot be read and is made again: %s", path, error)
        return None


def _write(path: Path, program: Program, diagnostics: tuple[Diagnostic, ...]) -> None:
    content = pickle.dumps(
        (
            marshal.dumps(program.code),
            program.generated,
            pickle.dumps(diagnostics) if diagnostics else b"",
            pickle.dumps(program.plan),
        )
    )
    # Who writes has the lock: what is there was left by a process that was killed while it wrote.
    for left in path.parent.glob("*.new"):
        left.unlink(missing_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    try:
        fresh.write_bytes(_MAGIC + hashlib.sha256(content).digest() + content)
        fresh.replace(path)
    except OSError:  # a full disk, above all
        fresh.unlink(missing_ok=True)
        raise
    entries = sorted(path.parent.glob("*.bin"), key=lambda entry: entry.stat().st_mtime)
    for old in entries[:-MAX_ENTRIES]:
        old.unlink(missing_ok=True)


def _note(message: str, *about: object) -> None:
    """Log what became of the cache; loading `logging` costs a command more than the cache does."""
    import logging  # noqa: PLC0415

    logging.getLogger("policyc.cache").debug(message, *about)
