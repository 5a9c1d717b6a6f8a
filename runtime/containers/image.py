"""Making the image of our own server, with nothing but what is on this machine.

It is one layer: a tar archive that the engine imports. A digest of all that goes in is its label,
so that an image that is there already is not made again.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Final

from policyc.runtime.containers.engine import EngineError, engine
from policyc.runtime.containers.image_files import (
    HOME,
    File,
    distribution_files,
    distributions,
    system_files,
    system_packages,
)
from policyc.runtime.containers.spec import PORT, USER, VERSION_LABEL, own_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from docker import DockerClient

RECIPE_LABEL: Final = "policyc.recipe"

ENTRYPOINT: Final = (
    *("python3", "-m", "policyc", "serve"),
    *("--host", "0.0.0.0", "--port", str(PORT), "--open"),  # noqa: S104  # published to loopback
)
ENVIRONMENT: Final = {
    "HOME": "/tmp",  # noqa: S108  # nothing else can be written
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "POLICYC_NO_CACHE": "1",
}
TITLE_LABEL: Final = "org.opencontainers.image.title"
LABELS: Final = {TITLE_LABEL: "policyc", "org.opencontainers.image.licenses": "MIT"}

_UID, _GID = USER.split(":")
_FOLDERS: Final = (
    *("usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "proc", "sys", "dev", "etc", "run"),
    *("root", HOME),
)
_LINKS: Final = {
    "bin": "usr/bin",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "sbin": "usr/sbin",
    "usr/bin/python3": "",
}
_TEXTS: Final = {
    "etc/passwd": f"root:x:0:0::/root:/nonexistent\npolicyc:x:{_UID}:{_GID}::/tmp:/nonexistent\n",
    "etc/group": f"root:x:0:\npolicyc:x:{_GID}:\n",
}


@dataclass(frozen=True, slots=True)
class Built:
    """An image. `is_new`: it was made just now. `size`: bytes."""

    tag: str
    id: str
    size: int
    is_new: bool


def build(on_progress: Callable[[int, int], None], *, again: bool = False) -> Built:
    """Make the image of our own server, unless it is there and made of the same.

    Args:
        on_progress: is told how many files of how many are packed.
        again: make it in any case.

    Raises:
        CannotBuild: something that goes in is not on this machine.
        EngineError: the engine fails.
    """
    packages, needed = system_packages(), distributions()
    files = sorted(
        {
            one.target: one for one in [*system_files(packages), *distribution_files(needed)]
        }.values(),
        key=lambda one: one.target,
    )
    contents = {**packages, **{name: one.version for name, one in needed.items()}}
    recipe = _recipe(contents, files)
    tag = own_image()
    with engine() as client:
        found = None if again else _made_before(client, tag, recipe)
        if found is not None:
            return found
        with tempfile.TemporaryFile() as archive:
            _pack(archive, files, on_progress)
            archive.seek(0)
            _import(client, archive, tag, recipe)
        image = client.images.get(tag)
        return Built(tag, str(image.id), image.attrs["Size"], is_new=True)


def _recipe(contents: dict[str, str], files: Sequence[File]) -> str:
    """A digest of what goes in. Files of packages are known by the versions of these; our own may
    be those of a clone, so they are looked at."""
    own = [one for one in files if one.target.startswith(f"{HOME}/policyc/")]
    digests = {
        one.target: hashlib.sha256(one.source.read_bytes()).hexdigest()
        for one in own
        if one.source.suffix != ".pyc"
    }
    told = json.dumps([contents, digests, _changes("")], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _made_before(client: DockerClient, tag: str, recipe: str) -> Built | None:
    from docker.errors import ImageNotFound  # noqa: PLC0415  # slow to load

    try:
        image = client.images.get(tag)
    except ImageNotFound:
        return None
    if image.labels.get(RECIPE_LABEL) != recipe:
        return None
    return Built(tag, str(image.id), image.attrs["Size"], is_new=False)


def _changes(recipe: str) -> list[str]:
    """What an image has besides its files, as lines of a Dockerfile."""
    labels = LABELS | {VERSION_LABEL: version("policyc"), RECIPE_LABEL: recipe}
    environment = ENVIRONMENT | {"PATH": "/usr/local/bin:/usr/bin", "PYTHONPATH": f"/{HOME}"}
    return [
        f"USER {USER}",
        f"WORKDIR /{HOME}",
        f"EXPOSE {PORT}/tcp",
        f"ENTRYPOINT {json.dumps(ENTRYPOINT)}",
        *(f"ENV {name}={value}" for name, value in environment.items()),
        *(f"LABEL {name}={value}" for name, value in labels.items()),
    ]


def _import(client: DockerClient, archive: IO[bytes], tag: str, recipe: str) -> None:
    repository, _, name = tag.rpartition(":")
    changes = _changes(recipe)
    answer = client.api.import_image_from_data(
        archive, repository=repository, tag=name, changes=changes
    )
    # A failure is told within an answer that is none.
    for line in filter(None, answer.splitlines()):
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise EngineError(f"the container engine cannot import the image: {told['error']}")


# --- the archive


def _pack(
    archive: IO[bytes], files: Sequence[File], on_progress: Callable[[int, int], None]
) -> None:
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in _FOLDERS:
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        for name in ("tmp", "var/tmp"):
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o1777))
        for name, target in _links(files):
            link = _entry(name, tarfile.SYMTYPE, 0o777)
            link.linkname = target
            tar.addfile(link)
        for name, text in _TEXTS.items():
            entry = _entry(name, tarfile.REGTYPE, 0o644)
            entry.size = len(text)
            tar.addfile(entry, BytesIO(text.encode()))
        for number, file in enumerate(files, 1):
            entry = tar.gettarinfo(file.source, file.target)
            if entry.islnk():  # to another name in the archive, which may come later or not at all
                entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", _size(file)
            _without_rights(entry)
            if entry.isreg():
                with file.source.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
            on_progress(number, len(files))


def _links(files: Iterable[File]) -> list[tuple[str, str]]:
    """Links that no package brings: folders at the top, and `python3`."""
    python = next(
        one.target.rpartition("/")[2]
        for one in files
        if one.target.startswith("usr/bin/python3.") and one.target.count(".") == 1
    )
    taken = {one.target for one in files}
    return [(name, target or python) for name, target in _LINKS.items() if name not in taken]


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
