"""The root of an image as a tar archive: files that root owns, and that nobody can write to.

The same files give the same archive.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.runtime.containers.image_files import File

_OLDEST: Final = 315_532_800
"""The time of what is no file of this machine: 1980, before which a ZIP archive can have none."""

_TOP: Final = ("bin", "lib", "lib64", "sbin")
"""Folders that are links into /usr."""
_FOLDERS: Final = (
    *(f"usr/{name}" for name in _TOP),
    *("proc", "sys", "dev", "etc", "run", "root", "var"),
)


@dataclass(frozen=True, slots=True)
class Root:
    """What is in an image besides files of this machine, by paths: folders, links and where they
    lead, and texts. A link that is among the files as well is theirs. `owned` are folders of a user
    with that number."""

    folders: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    owned: Mapping[str, int] = field(default_factory=dict)


def pack(
    archive: IO[bytes],
    files: Sequence[File],
    root: Root,
    on_progress: Callable[[int, int], None],
) -> None:
    """Write the archive. `on_progress` is told how many files of how many are in it."""
    taken = {one.target for one in files}
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in (*_FOLDERS, *root.folders):
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        for name in ("tmp", "var/tmp"):
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o1777))
        for name, user in root.owned.items():
            entry = _entry(name, tarfile.DIRTYPE, 0o700)
            entry.uid = entry.gid = user
            tar.addfile(entry)
        for name, target in {**{one: f"usr/{one}" for one in _TOP}, **root.links}.items():
            if name not in taken:
                link = _entry(name, tarfile.SYMTYPE, 0o777)
                link.linkname = target
                tar.addfile(link)
        for name, text in root.texts.items():
            entry = _entry(name, tarfile.REGTYPE, 0o644)
            content = text.encode()
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))
        for number, file in enumerate(files, 1):
            _add(tar, file)
            on_progress(number, len(files))


def _add(tar: tarfile.TarFile, file: File) -> None:
    entry = tar.gettarinfo(file.source, file.target)
    if entry.islnk():  # to another name in the archive, which may come later or not at all
        entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", file.source.stat().st_size
    _without_rights(entry)
    # Python compares the time of a source with what its bytecode says, so these stay as they are.
    entry.mtime = _OLDEST if file.target.endswith(".pyc") else int(entry.mtime)
    if entry.isreg():
        with file.source.open("rb") as opened:
            tar.addfile(entry, opened)
    else:
        tar.addfile(entry)


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, _OLDEST
    return entry


def _without_rights(entry: tarfile.TarInfo) -> None:
    """A file that root owns, all can read, and that gives no rights to who runs it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    if not entry.issym():
        entry.mode = 0o755 if entry.mode & 0o111 else 0o644
