"""A file that goes into the image."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
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


def with_bytecode(file: File) -> Iterator[File]:
    """A file, and its bytecode if there is some: in the image nothing can be written later."""
    yield file
    if file.source.suffix == ".py":
        compiled = Path(cache_from_source(str(file.source)))
        if compiled.is_file():
            target = Path(file.target).parent / "__pycache__" / compiled.name
            yield File(compiled, target.as_posix())
