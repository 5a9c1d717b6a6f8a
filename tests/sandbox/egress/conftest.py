"""A folder with a short name: that of a socket must be short."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    """The folder of a proxy."""
    with tempfile.TemporaryDirectory(prefix="egress") as name:
        yield Path(name) / "way"
