"""Sandboxes in the machine's engine, which no other test has, and which are gone after the test."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from policyc.runtime.sandbox import ids
from policyc.runtime.sandbox.docker import DockerProvider
from policyc.runtime.sandbox.execution import End, Execution, run
from policyc.runtime.sandbox.image import build
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
    return ids.new_id("policyc-sbx-test-")


def new_tag() -> tuple[str, str]:
    """The name of an image that no other test has: its repository, and the rest."""
    return "policyc-sbx-test", uuid.uuid4().hex


@pytest.fixture(scope="session")
def provider(docker_engine: DockerClient) -> Iterator[DockerProvider]:
    build(lambda _done, _all: None)
    made = DockerProvider()
    yield made
    made.close()


@contextmanager
def making(provider: DockerProvider) -> Iterator[Make]:
    ids: list[str] = []

    def make_one(spec: SandboxSpec | None = None) -> str:
        ids.append(new_id())
        creation = Creation(ids[-1], spec or SandboxSpec(), owner="tests", policy="none")
        return provider.create(creation).id

    try:
        yield make_one
    finally:
        for one in ids:
            provider.remove(one)


@pytest.fixture
def make(provider: DockerProvider) -> Iterator[Make]:
    with making(provider) as made:
        yield made


@pytest.fixture(scope="module")
def make_shared(provider: DockerProvider) -> Iterator[Make]:
    """Makes sandboxes for all tests of a module, which leave nothing behind."""
    with making(provider) as made:
        yield made


@pytest.fixture
def sandbox(make: Make) -> str:
    return make()


class Shell:
    """Runs shell commands in a sandbox."""

    def __init__(self, provider: Provider, sandbox: str) -> None:
        self.provider = provider
        self.sandbox = sandbox

    def __call__(self, text: str, **options: Any) -> Execution:
        given: dict[str, Any] = {"seconds": 30, "output": 1 << 20} | options
        return run(self.provider, self.sandbox, ["bash", "-c", text], **given)

    def python(self, code: str, **options: Any) -> Execution:
        given: dict[str, Any] = {"seconds": 30, "output": 1 << 20} | options
        return run(self.provider, self.sandbox, ["python3", "-c", code], **given)

    def says(self, text: str) -> str:
        """What a command that succeeds writes."""
        done = self(text)
        assert (done.end, done.exit_code) == (End.EXITED, 0), done
        return done.stdout.decode()

    @property
    def lives(self) -> bool:
        return self.says("echo here") == "here\n"

    def left(self) -> list[str]:
        """The commands that run in the sandbox, besides the keeper's."""
        told = self.says("ps -eo uid=,stat=,args=")
        rows = [line.split(None, 2) for line in told.splitlines()]
        return [
            one[2]
            for one in rows
            if one[0] == "10001" and not one[2].startswith(("ps ", "bash -c ps"))
        ]


@pytest.fixture
def shell(provider: DockerProvider, sandbox: str) -> Shell:
    return Shell(provider, sandbox)


@pytest.fixture(scope="module")
def shared(provider: DockerProvider, make_shared: Make) -> Shell:
    """One for all tests of a module."""
    return Shell(provider, make_shared())


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
