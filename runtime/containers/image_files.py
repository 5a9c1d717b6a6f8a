"""A file that goes into the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator


class CannotBuild(BackendError):
    """An image cannot be made on this machine."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of this machine, and its path in the image."""

    source: Path
    target: str


def with_bytecode(file: File, python: str) -> Iterator[File]:
    """A file, and its bytecode for the Python of the image (`3.11`) if there is some: in the image
    nothing can be written later. That Python need not be the one that runs here."""
    yield file
    if file.source.suffix == ".py":
        name = f"__pycache__/{file.source.stem}.cpython-{python.replace('.', '')}.pyc"
        compiled = file.source.parent / name
        if compiled.is_file():
            yield File(compiled, (PurePosixPath(file.target).parent / name).as_posix())
