"""Making the image of sandboxes, with nothing but what is on this machine.

It has a Python, a shell and the usual tools, from this machine's Debian packages. No file in it
gives rights to who runs it, and there is no package manager. The same packages give the same
archive.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.containers.engine import engine
from policyc.runtime.containers.image_archive import Root, pack
from policyc.runtime.containers.image_files import CannotBuild
from policyc.runtime.containers.image_import import RECIPE_LABEL, changes, imported, made_before
from policyc.runtime.containers.image_packages import (
    installed_packages,
    python_version,
    system_files,
    with_libraries,
)
from policyc.runtime.containers.spec import VERSION_LABEL
from policyc.runtime.sandbox.image_sbom import sbom
from policyc.runtime.sandbox.spec import KEEPER, USER, WORKSPACE, own_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker.models.images import Image

NEEDED: Final = (
    *("base-files", "bash", "ca-certificates", "coreutils", "dash", "debianutils", "diffutils"),
    *("findutils", "grep", "gzip", "libc-bin", "mawk", "procps", "sed", "tar", "util-linux"),
)
"""Packages that are in every image, besides Python."""
WELCOME: Final = ("bzip2", "curl", "gawk", "git", "hostname", "openssl", "patch", "xz-utils")
"""Packages that are in the image if they are on this machine."""

SHELL: Final = "/bin/sh"
ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
LABELS: Final = {"org.opencontainers.image.title": "policyc-sandbox"}
COMMAND: Final = ("sleep", "infinity")

_CERTIFICATES: Final = Path("/usr/share/ca-certificates/mozilla")
_PLACES: Final = ("usr/local/bin", "usr/local/lib", "run/secrets", "run/policyc", "home")


@dataclass(frozen=True, slots=True)
class SandboxImage:
    """An image of sandboxes.

    `is_new`: it was made just now. `size`: bytes. `digest`: of its one layer, `sha256:...`; the
    same packages give the same. `packages`: names and versions. `sbom`: the same as a document in
    SPDX 2.3.
    """

    tag: str
    id: str
    size: int
    digest: str
    is_new: bool
    packages: dict[str, str]
    sbom: dict[str, Any]


def build(on_progress: Callable[[int, int], None], *, again: bool = False) -> SandboxImage:
    """Make the image of sandboxes, unless it is there and made of the same.

    Args:
        on_progress: is told how many files of how many are packed.
        again: make it in any case.

    Raises:
        CannotBuild: something that goes in is not on this machine.
        EngineError: the engine fails.
    """
    python, packages = packages_of_this_machine()
    wanted = _recipe(packages)
    tag = own_image()
    with engine() as client:
        before = made_before(client, tag)
        if before is not None and before.labels.get(RECIPE_LABEL) == wanted and not again:
            return _built(before, packages, is_new=False)
        with tempfile.TemporaryFile() as archive:
            files = sorted(system_files(packages, python), key=lambda one: one.target)
            pack(archive, files, _root(python), on_progress)
            image = imported(client, archive, tag, _changes(wanted))
        return _built(image, packages, is_new=True)


def recipe() -> str:
    """The digest that an image has which is made now.

    Raises:
        CannotBuild: something that goes in is not on this machine.
    """
    return _recipe(packages_of_this_machine()[1])


def packages_of_this_machine() -> tuple[str, dict[str, str]]:
    """The version of Python, as `3.11`, and all packages that go in: names and versions.

    Raises:
        CannotBuild: one that is needed is not there.
    """
    installed = installed_packages()
    python = python_version(installed)
    missing = [name for name in NEEDED if name not in installed]
    if missing:
        raise CannotBuild(
            f"the image of sandboxes needs {', '.join(missing)}, which this machine has not: "
            f"apt install {' '.join(missing)}"
        )
    return python, with_libraries((f"python{python}", *NEEDED, *WELCOME), installed)


def _recipe(packages: dict[str, str]) -> str:
    root = _root("")
    told = [packages, _changes(""), list(root.folders), dict(root.links), dict(root.texts)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _built(image: Image, packages: dict[str, str], *, is_new: bool) -> SandboxImage:
    digest = str(image.attrs["RootFS"]["Layers"][0])
    made = datetime.fromisoformat(str(image.attrs["Created"])[:19]).replace(tzinfo=UTC)
    return SandboxImage(
        tag=own_image(),
        id=str(image.id),
        size=image.attrs["Size"],
        digest=digest,
        is_new=is_new,
        packages=packages,
        sbom=sbom(own_image(), digest, packages, made),
    )


def _root(python: str) -> Root:
    """What no package brings: users, links that a package makes when it is installed, and the
    certificates of the web."""
    users = {
        "root": (0, "/root", "/usr/sbin/nologin"),
        "keeper": (KEEPER, "/", "/usr/sbin/nologin"),
        "agent": (USER, WORKSPACE, SHELL),
        "nobody": (65534, "/nonexistent", "/usr/sbin/nologin"),
    }
    return Root(
        folders=_PLACES,
        links={
            "usr/bin/awk": "mawk",
            "usr/bin/python": "python3",
            "usr/bin/python3": f"python{python}",
            "usr/bin/sh": "dash",
            "usr/bin/which": "which.debianutils",
            "var/run": "/run",
        },
        texts={
            "etc/passwd": "".join(
                f"{name}:x:{number}:{number}::{home}:{shell}\n"
                for name, (number, home, shell) in users.items()
            ),
            "etc/group": "".join(f"{name}:x:{number}:\n" for name, (number, _, _) in users.items()),
            "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
            "etc/ssl/certs/ca-certificates.crt": _certificates(),
        },
        owned={WORKSPACE.removeprefix("/"): USER},
    )


def _certificates() -> str:
    """Those of the package alone: what else this machine trusts is no matter of a sandbox."""
    return "".join(one.read_text("ascii") for one in sorted(_CERTIFICATES.glob("*.crt")))


def _changes(recipe: str) -> list[str]:
    return changes(
        [f"USER {KEEPER}:{KEEPER}", f"WORKDIR {WORKSPACE}", f"CMD {json.dumps(COMMAND)}"],
        ENVIRONMENT,
        LABELS | {VERSION_LABEL: version("policyc"), RECIPE_LABEL: recipe},
    )
