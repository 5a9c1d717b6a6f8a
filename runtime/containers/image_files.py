"""What is in the image: Python and libraries of this machine's packages, policyc and what it needs.

The image has no shell and no package manager: only Python, the libraries that it is linked to, and
the distributions that are installed here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement

from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXTRAS: Final = ("server", "powershell")
"""Of policyc, that the server has."""

HOME: Final = "opt/policyc"
"""Where policyc and what it needs is in the image."""

_LAYERS: Final = ("grammar", "compiler", "runtime", "policies", "cli")
_LIBRARY = re.compile(r"lib\S+|zlib1g|python3\S*|media-types|tzdata")
"""The packages that are followed: no shells and tools."""
_LEFT_OUT = re.compile(r"/usr/share/(man|doc|doc-base|locale|info|lintian|bug|gdb|applications)/")


class CannotBuild(BackendError):
    """An image cannot be made on this machine."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of this machine, and its path in the image."""

    source: Path
    target: str


# --- packages of this machine


def system_packages() -> dict[str, str]:
    """The packages with Python and the libraries it needs: names and versions.

    Raises:
        CannotBuild: this machine does not have them.
    """
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    installed = _installed()
    if python not in installed:
        raise CannotBuild(
            f"the image is made from this machine's Debian packages, and there is no `{python}`, "
            f"the Python that policyc runs with here: apt install {python}, run policyc with the "
            "Python of the system, or build the `Dockerfile` of the repository, which needs a "
            "registry"
        )
    wanted, left = {}, [python, "libstdc++6"]
    while left:
        name = left.pop()
        if name in wanted or name not in installed:
            continue
        wanted[name], needs = installed[name]
        left += [one for one in needs if _LIBRARY.fullmatch(one)]
    return dict(sorted(wanted.items()))


def _installed() -> dict[str, tuple[str, list[str]]]:
    """All installed packages: version, and the names of those they depend on."""
    form = "${Package}\t${Status}\t${Version}\t${Depends}, ${Pre-Depends}\n"
    found = {}
    for line in _told("dpkg-query", "-W", "-f", form).splitlines():
        name, status, version, depends = line.split("\t")
        if status.endswith(" installed"):
            found[name] = (version, re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]*)", depends))
    return found


def system_files(packages: Iterable[str]) -> Iterator[File]:
    """The files of packages, with the bytecode that belongs to them.

    Raises:
        CannotBuild: the packages cannot be read.
    """
    seen = set()
    for line in _told("dpkg", "-L", *packages).splitlines():
        path = Path(line)
        is_file = path.is_symlink() or path.is_file()
        if line in seen or not is_file or _LEFT_OUT.match(line):
            continue
        seen.add(line)
        # In the image /bin, /lib and the like are links into /usr, as on this machine.
        target = re.sub(r"^/(bin|sbin|lib\w*)/", r"/usr/\1/", line)
        yield from _with_bytecode(File(path, target[1:]))


def _told(*command: str) -> str:
    """What a command of the package manager says.

    Raises:
        CannotBuild: it fails.
    """
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotBuild(
            f"the image is made from this machine's Debian packages, and `{command[0]}` does not "
            f"say what they are ({error}): build the `Dockerfile` of the repository instead, which "
            "needs a registry"
        ) from None
    return done.stdout


# --- distributions of this environment


def distributions() -> dict[str, Distribution]:
    """policyc with the extras of the server, and all that they need, by name.

    Raises:
        CannotBuild: something is not installed.
    """
    found: dict[str, Distribution] = {}
    left = [Requirement(f"policyc[{','.join(EXTRAS)}]")]
    done = set()
    while left:
        wanted = left.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if (name, frozenset(wanted.extras)) in done:
            continue
        done.add((name, frozenset(wanted.extras)))
        try:
            found[name] = distribution(wanted.name)
        except PackageNotFoundError:
            raise CannotBuild(
                f"the server in the image needs the package `{wanted.name}`, which is not "
                f"installed here: pip install 'policyc[{','.join(EXTRAS)}]'"
            ) from None
        for text in found[name].requires or ():
            needed = Requirement(text)
            extras = wanted.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": x}) for x in extras):
                left.append(needed)
    return dict(sorted(found.items()))


def distribution_files(found: dict[str, Distribution]) -> Iterator[File]:
    """The files of distributions, and of policyc itself, with the bytecode that belongs to them."""
    for name, one in found.items():
        if name == "policyc":
            yield from _own_files(one)
            continue
        for path in one.files or ():
            if path.suffix == ".pyc" or path.parts[0] == "..":
                continue
            source = Path(str(one.locate_file(path)))
            if source.is_file():
                yield from _with_bytecode(File(source, f"{HOME}/{path.as_posix()}"))


def _own_files(own: Distribution) -> Iterator[File]:
    """policyc as it runs here, also where it is run from a clone of its repository."""
    for layer in ("", *_LAYERS):
        found = find_spec(f"policyc.{layer}".rstrip("."))
        assert found is not None and found.submodule_search_locations  # noqa: S101  # a package
        root = Path(found.submodule_search_locations[0])
        for path in sorted(_walk(root)):
            inside = path.relative_to(root).as_posix()
            if layer or inside.partition("/")[0] not in _LAYERS:
                yield from _with_bytecode(File(path, "/".join(filter(None, [_OWN, layer, inside]))))
    for path in own.files or ():
        if path.parent.suffix == ".dist-info" and path.name in ("METADATA", "entry_points.txt"):
            source = Path(str(own.locate_file(path)))
            yield File(source, f"{HOME}/{path.as_posix()}")


_OWN: Final = f"{HOME}/policyc"


def _walk(root: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(place, name) for name in names)


def _with_bytecode(file: File) -> Iterator[File]:
    """A file, and its bytecode if there is some: in the image nothing can be written later."""
    yield file
    if file.source.suffix == ".py":
        compiled = Path(cache_from_source(str(file.source)))
        if compiled.is_file():
            target = Path(file.target).parent / "__pycache__" / compiled.name
            yield File(compiled, target.as_posix())
