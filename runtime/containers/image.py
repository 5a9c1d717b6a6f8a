"""Making the image of our own server, with nothing but what is on this machine.

It is one layer: a tar archive that the engine imports. A digest of all that goes in is its label,
so that an image that is there already is not made again.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from policyc.runtime.containers.engine import engine
from policyc.runtime.containers.image_archive import Root, pack
from policyc.runtime.containers.image_distributions import (
    HOME,
    distributions,
    other_files,
    own_files,
    own_metadata,
)
from policyc.runtime.containers.image_import import (
    RECIPE_LABEL,
    changes,
    imported,
    made_before,
)
from policyc.runtime.containers.image_packages import system_files, system_packages
from policyc.runtime.containers.spec import PORT, USER, VERSION_LABEL, own_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import Distribution

    from docker.models.images import Image

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
LABELS: Final = {
    "org.opencontainers.image.title": "policyc",
    "org.opencontainers.image.licenses": "MIT",
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
    (python, packages), needed = system_packages(), distributions()
    wanted = _recipe(packages, needed, python)
    tag = own_image()
    with engine() as client:
        before = made_before(client, tag)
        if before is not None and before.labels.get(RECIPE_LABEL) == wanted and not again:
            return _built(before, is_new=False)
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as archive:
            found = [
                *system_files(packages, python),
                *own_files(python),
                *other_files(needed, python, Path(folder)),
            ]
            files = [one for _, one in sorted({one.target: one for one in found}.items())]
            pack(archive, files, _root(needed, python), on_progress)
            image = imported(client, archive, tag, _changes(wanted))
        return _built(image, is_new=True)


def recipe() -> str:
    """The digest that an image has which is made now.

    Raises:
        CannotBuild: something that goes in is not on this machine.
    """
    (python, packages), needed = system_packages(), distributions()
    return _recipe(packages, needed, python)


def _recipe(packages: dict[str, str], needed: dict[str, Distribution], python: str) -> str:
    """A digest of what goes in. Packages are known by their versions; our own files may be those of
    a clone, so they are looked at."""
    versions = packages | {name: one.version for name, one in needed.items()}
    digests = {
        one.target: hashlib.sha256(one.source.read_bytes()).hexdigest()
        for one in own_files(python)
        if one.source.suffix != ".pyc"
    }
    told = json.dumps([versions, digests, own_metadata(needed), _changes("")], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _built(image: Image, *, is_new: bool) -> Built:
    return Built(own_image(), str(image.id), image.attrs["Size"], is_new)


def _root(needed: dict[str, Distribution], python: str) -> Root:
    user, group = USER.split(":")
    return Root(
        folders=[HOME],
        links={"usr/bin/python3": f"python{python}"},
        texts={
            "etc/passwd": "root:x:0:0::/root:/nonexistent\n"
            f"policyc:x:{user}:{group}::/tmp:/nonexistent\n",
            "etc/group": f"root:x:0:\npolicyc:x:{group}:\n",
            **own_metadata(needed),
        },
    )


def _changes(recipe: str) -> list[str]:
    return changes(
        [
            f"USER {USER}",
            f"WORKDIR /{HOME}",
            f"EXPOSE {PORT}/tcp",
            f"ENTRYPOINT {json.dumps(ENTRYPOINT)}",
        ],
        ENVIRONMENT | {"PATH": "/usr/local/bin:/usr/bin", "PYTHONPATH": f"/{HOME}"},
        LABELS | {VERSION_LABEL: version("policyc"), RECIPE_LABEL: recipe},
    )
