"""What the tests of backends share: a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.runtime.server.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a running `policyc serve`."""
    with running() as found:
        yield found.url
