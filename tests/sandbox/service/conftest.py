"""A service over plain processes in a folder, with a state folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.sandbox.local_provider import LocalProvider

from policyc.runtime.sandbox.service import SandboxService
from policyc.runtime.sandbox.state import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[LocalProvider]:
    """A provider of which nothing is left."""
    made = LocalProvider(tmp_path / "sandboxes")
    yield made
    for one in made.records():
        made.remove(one.id)


@pytest.fixture
def service(provider: LocalProvider) -> SandboxService:
    """A service with room for three."""
    return SandboxService(provider, limit=3)
