"""Files of a sandbox: how they are read and written by processes in it, and what of it is believed.

The host follows no link and opens no path of a sandbox: a process of the sandbox's user does, with
the rights of that user. What comes back is a stream of bytes that anybody in there could have made.
"""

from __future__ import annotations

import io
import os
import posixpath
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from shutil import rmtree
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.failures import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of a transfer, all files together."""
MAX_MEMBERS: Final = 10_000

# The path is an argument, never a part of the script.
READ: Final = ("sh", "-c", 'if [ -d "$1" ]; then echo "it is a folder" >&2; exit 1; fi; '
               'if [ ! -f "$1" ]; then echo "there is no such file" >&2; exit 1; fi; '
               'exec cat -- "$1"', "sh")  # fmt: skip
WRITE: Final = ("sh", "-c", 'mkdir -p -- "$2" && exec cat > "$1"', "sh")
LIST: Final = ("sh", "-c", 'exec find "$1" -mindepth 1 -maxdepth 1 -printf "%y%f\\0"', "sh")
PACK: Final = ("sh", "-c", 'exec tar -c --hard-dereference -f - -C "$1" -- "$2"', "sh")
UNPACK: Final = ("sh", "-c", 'mkdir -p -- "$1" && exec tar -x -f - -C "$1" '
                 "--no-same-owner --no-same-permissions", "sh")  # fmt: skip


class FileFailed(SandboxError):
    """A file of a sandbox could not be read or written; the message says why."""


def checked(path: str) -> str:
    """A path in a sandbox, in a form that no program takes for an option.

    Raises:
        FileFailed: it is none.
    """
    if not path or "\0" in path:
        raise FileFailed(f"`{path!r}` is no path in a sandbox")
    return path if path.startswith("/") else f"./{path}"


def parted(path: str) -> tuple[str, str]:
    """The folder of a path in a sandbox, and the name in it. A shell that takes a path apart loses
    line ends, so that another file is meant than the one that was judged.

    Raises:
        FileFailed: it is no path.
    """
    folder, name = posixpath.split(checked(path).rstrip("/") or "/")
    return folder, name or "."


def listed(data: bytes) -> list[str]:
    """The names that `LIST` printed: folders first, with `/`, sorted without regard to case."""
    entries = [one.decode("utf-8", "surrogateescape") for one in data.split(b"\0") if one]
    folders = [f"{one[1:]}/" for one in entries if one[0] == "d"]
    others = [one[1:] for one in entries if one[0] != "d"]
    return [*sorted(folders, key=str.casefold), *sorted(others, key=str.casefold)]


@dataclass(frozen=True, slots=True)
class Packed:
    """Files of the host, read once. `names` are paths below the one that was given; `skipped` says
    what was left out, and why."""

    archive: bytes
    names: list[str]
    text: str
    skipped: list[str]


def pack(source: Path) -> Packed:
    """Read a file or folder of the host. Links are not followed; what is no file or folder is left
    out.

    Raises:
        FileFailed: there is nothing, or too much.
    """
    if not source.exists():
        raise FileFailed(f"there is no `{source}`")
    buffer = io.BytesIO()
    names: list[str] = []
    texts: list[str] = []
    skipped: list[str] = []
    size = 0
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, name in _walk(source):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                skipped.append(f"{name}: neither a file nor a folder")
                continue
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644
            if path.is_dir():
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
                continue
            data = _read(path)
            entry.size = len(data)
            size += entry.size
            names.append(name)
            texts.append(shown(data))
            if size > MAX_BYTES or len(names) > MAX_MEMBERS:
                raise FileFailed(
                    f"`{source}` has more than {MAX_BYTES} bytes or {MAX_MEMBERS} files"
                )
            archive.addfile(entry, io.BytesIO(data))
    return Packed(buffer.getvalue(), names, "\n".join(texts), skipped)


def _walk(source: Path) -> Iterator[tuple[Path, str]]:
    yield source, source.name or "."
    if source.is_dir() and not source.is_symlink():
        for path in sorted(source.rglob("*")):
            yield path, str(PurePosixPath(source.name or ".") / path.relative_to(source))


def _read(path: Path) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FileFailed(f"`{path}` has more than {MAX_BYTES} bytes")
    return data


def shown(data: bytes) -> str:
    """Bytes as a text to be judged, one character for each that is no text."""
    text = data.decode("utf-8", "surrogateescape")
    return (
        text
        if text.isascii()
        else "".join("\ufffd" if "\udc80" <= one <= "\udcff" else one for one in text)
    )


@dataclass(slots=True)
class Unpacked:
    """Files of a sandbox, read and not yet written anywhere."""

    folders: list[str] = field(default_factory=list)
    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that is handed out as one text to be judged: also names alone say something."""
        files = [f"{name}\n{shown(data)}" for name, (data, _) in self.files.items()]
        return "\n".join([*files, *self.folders, *self.skipped])


def unpack(archive: bytes, hide: Callable[[bytes], bytes]) -> Unpacked:
    """Read an archive that a sandbox made. Only files and folders below its root are taken, up to
    `MAX_BYTES` and `MAX_MEMBERS`; everything else is said in `skipped`.

    Args:
        hide: takes secrets out of names and contents.

    Raises:
        FileFailed: it is no archive, or there is too much in it.
    """
    found = Unpacked()
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|") as members:
            for number, member in enumerate(members):
                if number >= MAX_MEMBERS:
                    raise FileFailed(f"there are more than {MAX_MEMBERS} files")
                told = hide(member.name.encode("utf-8", "surrogateescape"))
                given = told.decode("utf-8", "surrogateescape")
                name = _safe(given)
                if name is None:
                    found.skipped.append(f"{given!r}: no path below the folder")
                elif member.isdir():
                    found.folders.append(name)
                elif not member.isreg():
                    found.skipped.append(f"{name}: neither a file nor a folder")
                elif name in found.files:
                    found.skipped.append(f"{name}: it is there twice")
                else:
                    size += member.size
                    if size > MAX_BYTES:
                        raise FileFailed(f"the files have more than {MAX_BYTES} bytes")
                    data = members.extractfile(member)
                    content = b"" if data is None else hide(data.read())
                    found.files[name] = (content, member.mode & 0o111)
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        # Its message may quote the archive, which nobody has judged.
        reason = type(error).__name__
        raise FileFailed(f"the sandbox sent no archive that can be read ({reason})") from None
    return found


def _safe(name: str) -> str | None:
    path = PurePosixPath(name)
    is_bad = path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts
    if is_bad or any("\ud800" <= one <= "\udfff" for one in name):
        return None
    return str(path)


def save(found: Unpacked, target: Path) -> None:
    """Write what was downloaded to a path that does not exist yet: all of it, or nothing.

    Raises:
        FileFailed: something is there, or it cannot be written.
    """
    target = target.absolute()
    if os.path.lexists(target):
        raise FileFailed(f"`{target}` is there already: name another place, or remove it")
    roots = {PurePosixPath(name).parts[0] for name in (*found.folders, *found.files)}
    if len(roots) != 1:
        raise FileFailed("the sandbox sent nothing that could be saved")
    try:
        folder = Path(tempfile.mkdtemp(prefix=".policyc-", dir=target.parent))
        try:
            for name in found.folders:
                (folder / name).mkdir(parents=True, exist_ok=True)
            for name, (data, executable) in found.files.items():
                _write(folder / name, data, 0o644 | executable)
            os.rename(folder / roots.pop(), target)
        finally:
            rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise FileFailed(f"`{target}` cannot be written: {error.strerror or error}") from None


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        file.write(data)
