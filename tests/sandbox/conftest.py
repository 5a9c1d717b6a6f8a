"""What tests of sandboxes share: a state folder of their own, and the providers that work here."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

import pytest

from policyc.runtime.sandbox.failures import ProviderUnavailable
from policyc.runtime.sandbox.registry import choose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from policyc.runtime.sandbox.provider import Provider


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of this test, in which no other sandboxes are known; its own have names of
    their own, so that those of other tests do not count."""
    folder = tmp_path / "state"
    monkeypatch.setenv("POLICYC_STATE_DIR", str(folder))
    monkeypatch.setenv("POLICYC_SANDBOX_PREFIX", f"test-{token_hex(4)}-")
    return folder


@pytest.fixture(params=["docker", "embedded"])
def gated_provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """Each provider that runs sandboxes on this machine."""
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    provider = choose(request.param)
    try:
        if request.param == "embedded":
            provider.probe()
    except ProviderUnavailable as error:
        pytest.skip(f"the embedded provider does not work here: {error}")
    yield provider
    provider.close()
