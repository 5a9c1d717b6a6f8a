"""Checks for all providers through both ends of the runtime API: those of commands and their ends.
Walls are the matter of the provider behind it, which passes all of them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.sandbox.remote.conftest import KEY, served

from policyc.runtime.sandbox.checks import commands
from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.embedded import EmbeddedProvider
from policyc.runtime.sandbox.failures import ProviderUnavailable
from policyc.runtime.sandbox.remote import RemoteProvider
from policyc.runtime.sandbox.selfcheck import selfcheck

if TYPE_CHECKING:
    from collections.abc import Collection

    from docker import DockerClient

    from policyc.runtime.sandbox.provider import Provider


def failed(provider: Provider, names: Collection[str]) -> dict[str, str]:
    """The checks that failed, with what they saw."""
    with served(provider, limit=None, sweep_seconds=1) as url:
        remote = RemoteProvider(url, KEY)
        found = {one.name: one for one in selfcheck(remote, names=names)}
        remote.close()
    assert len(found) == len(names)
    return {name: one.seen for name, one in found.items() if not one.passed}


@pytest.mark.slow
def test_over_embedded_sandboxes() -> None:
    provider = EmbeddedProvider()
    try:
        provider.probe()
    except ProviderUnavailable as error:
        pytest.skip(str(error))
    assert failed(provider, [*commands.CHECKS.all, "timeout kills children", "cancelled"]) == {}


@pytest.mark.slow
def test_over_containers(docker_engine: DockerClient) -> None:
    assert failed(DockerProvider(), ["exit code", "timeout kills children"]) == {}
