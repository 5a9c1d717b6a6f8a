"""The root of the image as a tar archive: files that root owns, and that nobody can write to."""

from __future__ import annotations

import tarfile
from io import BytesIO
from typing import IO, TYPE_CHECKING, Final

from policyc.runtime.containers.image_distributions import HOME
from policyc.runtime.containers.spec import USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from policyc.runtime.containers.image_files import File

_UID, _GID = USER.split(":")
_TOP: Final = ("bin", "lib", "lib64", "sbin")
"""Folders that are links into /usr."""
_FOLDERS: Final = (
    *(f"usr/{name}" for name in _TOP),
    *("proc", "sys", "dev", "etc", "run", "root", "var", HOME),
)
_TEXTS: Final = {
    "etc/passwd": f"root:x:0:0::/root:/nonexistent\npolicyc:x:{_UID}:{_GID}::/tmp:/nonexistent\n",
    "etc/group": f"root:x:0:\npolicyc:x:{_GID}:\n",
}


def pack(
    archive: IO[bytes],
    files: Sequence[File],
    texts: dict[str, str],
    python: str,
    on_progress: Callable[[int, int], None],
) -> None:
    """Write the archive.

    Args:
        texts: files that are not on this machine: what is in them, by their paths.
        python: the version that `python3` is.
        on_progress: is told how many files of how many are in it.
    """
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in _FOLDERS:
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        for name in ("tmp", "var/tmp"):
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o1777))
        for name, target in _links(files, python):
            link = _entry(name, tarfile.SYMTYPE, 0o777)
            link.linkname = target
            tar.addfile(link)
        for name, text in {**_TEXTS, **texts}.items():
            entry = _entry(name, tarfile.REGTYPE, 0o644)
            content = text.encode()
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))
        for number, file in enumerate(files, 1):
            entry = tar.gettarinfo(file.source, file.target)
            if entry.islnk():  # to another name in the archive, which may come later or not at all
                entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", _size(file)
            _without_rights(entry)
            if entry.isreg():
                with file.source.open("rb") as opened:
                    tar.addfile(entry, opened)
            else:
                tar.addfile(entry)
            on_progress(number, len(files))


def _links(files: Iterable[File], python: str) -> list[tuple[str, str]]:
    """Links that no package brings: folders at the top, and `python3`."""
    links = {name: f"usr/{name}" for name in _TOP}
    links["usr/bin/python3"] = f"python{python}"
    taken = {one.target for one in files}
    return [(name, target) for name, target in links.items() if name not in taken]


def _size(file: File) -> int:
    return file.source.stat().st_size


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, mode
    return entry


def _without_rights(entry: tarfile.TarInfo) -> None:
    """A file that root owns, all can read, and that gives no rights to who runs it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    if not entry.issym():
        entry.mode = 0o755 if entry.mode & 0o111 else 0o644
