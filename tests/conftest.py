"""What all tests share: snapshots as text files, and the Docker engine with the rule about it.

A test that takes the fixture `docker_engine` is skipped with the reason where no engine answers.
Where POLICYC_REQUIRE_DOCKER is set, as `.ci/run` does, it fails instead: a continuous integration
that skips the tests of the sandbox would be green for nothing.
"""

from __future__ import annotations

import gc
import os
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from syrupy.assertion import SnapshotAssertion


# How busy the machine is says nothing about the program.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")


# Nor which models and services whoever runs the tests uses: no test may ask one of those.
for _name in list(os.environ):
    if _name.startswith(
        ("OPENAI_", "POLICYC_LLM_", "POLICYC_MODERATION_", "POLICYC_INJECTION_", "POLICYC_MODELS")
    ):
        del os.environ[_name]


class TextFile(SingleFileSnapshotExtension):
    """A text file for each snapshot, which a person can read in a diff."""

    file_extension = "txt"
    _write_mode = WriteMode.TEXT


@pytest.fixture
def text_snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compares a text with the file that is named after the test."""
    return snapshot.use_extension(TextFile)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the engine, so that `-m "not docker"` leaves it out."""
    for item in items:
        if "docker_engine" in getattr(item, "fixturenames", ()):
            item.add_marker("docker")


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerClient]:
    """A client of an engine that answers."""
    client = _connect()
    if isinstance(client, str):
        if os.environ.get("POLICYC_REQUIRE_DOCKER"):
            pytest.fail(f"POLICYC_REQUIRE_DOCKER is set and no Docker engine answers: {client}")
        pytest.skip(f"no Docker engine answers: {client}")
    yield client
    client.close()


def _connect() -> DockerClient | str:
    """A client, or the reason why there is none."""
    import docker  # noqa: PLC0415  # slow, and seldom needed
    from docker.errors import DockerException  # noqa: PLC0415

    # The library leaves its socket open where nothing listens; that is no fault of the next test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client = docker.from_env(timeout=30)
            client.ping()
        except DockerException as error:
            reason = str(error)
        else:
            return client
        gc.collect()
    return reason
