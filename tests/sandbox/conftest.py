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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a provider can do differently is tested with each, all else with one."""
    if "gated_provider" in metafunc.fixturenames:
        is_for_each = metafunc.definition.get_closest_marker("every_provider") is not None
        names = ["docker", "embedded"] if is_for_each else ["any provider"]
        metafunc.parametrize("gated_provider", names, indirect=True)


@pytest.fixture
def gated_provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A provider that runs sandboxes on this machine: the one that is asked for, or the embedded
    one where it works."""
    name = request.param
    if name != "docker":
        provider = choose("embedded")
        try:
            provider.probe()
        except ProviderUnavailable as error:
            if name == "embedded":
                pytest.skip(f"the embedded provider does not work here: {error}")
            name = "docker"
    if name == "docker":
        request.getfixturevalue("docker_engine")
        provider = choose("docker")
    yield provider
    provider.close()
