"""What the tests of backends share: a real server, and a real container engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.containers import image, name, prefix
from tests.runtime.server.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["image", "name", "prefix"]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a running `policyc serve`."""
    with running() as found:
        yield found.url
