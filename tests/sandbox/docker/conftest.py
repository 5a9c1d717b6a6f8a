"""Sandboxes in the machine's engine, which no other test has, and which are gone after the test."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Protocol

import pytest

from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from policyc.runtime.sandbox.provider import Provider


class Make(Protocol):
    """Makes a sandbox of a specification and gives its id."""

    def __call__(self, spec: SandboxSpec | None = None) -> str: ...


def new_id() -> str:
    return f"policyc-sbx-test-{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def provider(docker_engine: DockerClient) -> Iterator[DockerProvider]:
    made = DockerProvider()
    yield made
    made.close()


@pytest.fixture
def make(provider: DockerProvider) -> Iterator[Make]:
    ids: list[str] = []

    def make_one(spec: SandboxSpec | None = None) -> str:
        ids.append(new_id())
        creation = Creation(ids[-1], spec or SandboxSpec(), owner="tests", policy="none")
        return provider.create(creation).id

    yield make_one
    for one in ids:
        provider.remove(one)


@pytest.fixture
def sandbox(make: Make) -> str:
    return make()


def output_of(provider: Provider, sandbox: str, *argv: str, stdin: bytes = b"") -> tuple[int, str]:
    """The exit code of a short command, and all that it wrote."""
    end = time.monotonic() + 30
    told = b""
    with provider.start_process(sandbox, argv) as process:
        if stdin:
            process.write(stdin)
        process.close_input()
        while (chunk := process.read(end - time.monotonic())) is not None:
            told += chunk.data
        finish = process.finish(10)
    code = finish.exit_code if finish.signal is None else -finish.signal
    assert code is not None, finish
    return code, told.decode()
