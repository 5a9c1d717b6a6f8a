"""What of the environment that policyc runs in is in the image: policyc, and what it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement

from policyc.runtime.containers.image_files import CannotBuild, File, with_bytecode

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRAS: Final = ("server", "powershell")
"""Of policyc, that the server has."""

HOME: Final = "opt/policyc"
"""Where policyc and what it needs is in the image."""

_OWN: Final = f"{HOME}/policyc"
_LAYERS: Final = ("grammar", "compiler", "runtime", "policies", "cli")


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


def other_files(found: dict[str, Distribution], python: str, folder: Path) -> Iterator[File]:
    """The files of distributions besides policyc, for that version of Python.

    Args:
        found: what `distributions` gives.
        folder: an empty one, where distributions can be put that do not fit as they are.

    Raises:
        CannotBuild: they cannot be had for that Python.
    """
    others = {name: one for name, one in found.items() if name != "policyc"}
    if python == f"{sys.version_info[0]}.{sys.version_info[1]}":
        for one in others.values():
            yield from _installed_files(one, python)
        return
    _fetch(others, python, folder)
    for path in sorted(_walk(folder)):
        yield File(path, f"{HOME}/{path.relative_to(folder).as_posix()}")


def _installed_files(one: Distribution, python: str) -> Iterator[File]:
    for path in one.files or ():
        if path.suffix == ".pyc" or path.parts[0] == "..":
            continue
        source = Path(str(one.locate_file(path)))
        if source.is_file():
            yield from with_bytecode(File(source, f"{HOME}/{path.as_posix()}"), python)


def _fetch(others: dict[str, Distribution], python: str, folder: Path) -> None:
    """Get distributions of the same versions for another Python.

    Raises:
        CannotBuild: it cannot be done.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--target", str(folder), "--only-binary=:all:", "--python-version", python]
    command += [f"{name}=={one.version}" for name, one in others.items()]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        reason = next((x for x in done.stderr.splitlines() if x.startswith("ERROR")), done.stderr)
        raise CannotBuild(
            f"the image has Python {python}, and policyc runs with another here, so what it needs "
            f"has to be fetched, which fails ({reason.strip()}): run policyc with Python {python}"
        )


def own_files(python: str) -> Iterator[File]:
    """policyc as it runs here, also where it is run from a clone of its repository; with the
    bytecode for that version of Python."""
    for layer in ("", *_LAYERS):
        spec = find_spec(f"policyc.{layer}".rstrip("."))
        if spec is None or not spec.submodule_search_locations:
            raise CannotBuild(f"this installation of policyc is not complete: no `{layer}`")
        root = Path(spec.submodule_search_locations[0])
        for path in sorted(_walk(root)):
            inside = path.relative_to(root).as_posix()
            if layer or inside.partition("/")[0] not in _LAYERS:
                file = File(path, "/".join(filter(None, [_OWN, layer, inside])))
                yield from with_bytecode(file, python)


def own_metadata(found: dict[str, Distribution]) -> dict[str, str]:
    """What is known of policyc as a distribution: texts by their paths in the image. A clone keeps
    it in another form than an installation."""
    own = found["policyc"]
    texts = {
        "METADATA": own.read_text("METADATA") or own.read_text("PKG-INFO"),
        "entry_points.txt": own.read_text("entry_points.txt"),
    }
    folder = f"{HOME}/policyc-{own.version}.dist-info"
    return {f"{folder}/{name}": text for name, text in texts.items() if text}


def _walk(root: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(place, name) for name in names)
