"""What of this machine's Debian packages is in an image: those that are named, and the libraries
they need. Nothing else comes along, such as a shell or a package manager.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from policyc.runtime.containers.image_files import CannotBuild, File, with_bytecode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LIBRARY: Final = re.compile(r"lib\S+|zlib1g|python3\S*|media-types|tzdata")
"""The packages that are followed."""
_LEFT_OUT: Final = re.compile(
    r"/usr/share/(man|doc|doc-base|locale|info|lintian|bug|gdb|applications)/"
    r"|/usr/lib/[^/]+/gconv/"
)
_OLDEST: Final = (3, 11)
_OTHER_WAY: Final = (
    "build the `Dockerfile` of the repository (`Dockerfile.sandbox` for sandboxes) instead, which "
    "needs a registry"
)


def system_packages() -> tuple[str, dict[str, str]]:
    """The version of Python, as `3.11`, and the packages that a server needs with it: names and
    versions.

    Raises:
        CannotBuild: this machine has none.
    """
    installed = installed_packages()
    version = python_version(installed)
    return version, with_libraries([f"python{version}", "libstdc++6"], installed)


def python_version(installed: Iterable[str]) -> str:
    """The version of Python among installed packages, as `3.11`: that which policyc runs with here,
    if there is a package of it.

    Raises:
        CannotBuild: there is none.
    """
    pythons = [_version(name) for name in installed if re.fullmatch(r"python3\.\d+", name)]
    good = [one for one in pythons if one >= _OLDEST]
    if not good:
        raise CannotBuild(
            "the image is made from this machine's Debian packages, and none of them is a Python "
            f"from 3.11 on: apt install python3, or {_OTHER_WAY}"
        )
    chosen = sys.version_info[:2] if sys.version_info[:2] in good else max(good)
    return f"{chosen[0]}.{chosen[1]}"


def with_libraries(
    names: Iterable[str], installed: Mapping[str, tuple[str, list[str]]]
) -> dict[str, str]:
    """Packages and the libraries that they need, as far as they are installed: their versions."""
    wanted: dict[str, str] = {}
    left = list(names)
    while left:
        name = left.pop()
        if name in wanted or name not in installed:
            continue
        wanted[name], needs = installed[name]
        left += [one for one in needs if _LIBRARY.fullmatch(one)]
    return dict(sorted(wanted.items()))


def _version(name: str) -> tuple[int, int]:
    major, minor = name.removeprefix("python").split(".")
    return int(major), int(minor)


def installed_packages() -> dict[str, tuple[str, list[str]]]:
    """All installed packages: version, and the names of those they depend on.

    Raises:
        CannotBuild: they cannot be read.
    """
    form = "${Package}\t${Status}\t${Version}\t${Depends}, ${Pre-Depends}\n"
    found = {}
    for line in told_by_packages("dpkg-query", "-W", "-f", form).splitlines():
        name, status, version, depends = line.split("\t")
        if status.endswith(" installed"):
            found[name] = (version, re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]*)", depends))
    return found


def system_files(packages: Iterable[str], python: str) -> Iterator[File]:
    """The files of packages, with the bytecode for that version of Python.

    Raises:
        CannotBuild: the packages cannot be read.
    """
    seen = set()
    for line in told_by_packages("dpkg", "-L", *packages).splitlines():
        path = Path(line)
        is_file = path.is_symlink() or path.is_file()
        if line in seen or not is_file or _LEFT_OUT.match(line):
            continue
        seen.add(line)
        # In the image /bin, /lib and the like are links into /usr, as on this machine.
        target = re.sub(r"^/(bin|sbin|lib\w*)/", r"/usr/\1/", line)
        yield from with_bytecode(File(path, target[1:]), python)


def told_by_packages(*command: str) -> str:
    """What a command of the package manager says.

    Raises:
        CannotBuild: it fails.
    """
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotBuild(
            f"the image is made from this machine's Debian packages, and `{command[0]}` does not "
            f"say what they are ({error}): {_OTHER_WAY}"
        ) from None
    return done.stdout
