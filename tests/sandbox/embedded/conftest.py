"""Embedded sandboxes in a state folder of the test, which are gone after it."""

from __future__ import annotations

import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from policyc.runtime.sandbox import execution
from policyc.runtime.sandbox.embedded import EmbeddedProvider
from policyc.runtime.sandbox.failures import ProviderUnavailable
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.spec import MIB, SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyc.runtime.sandbox.provider import Provider


class Make(Protocol):
    """Makes a sandbox of a specification and gives its id."""

    def __call__(self, spec: SandboxSpec | None = None, egress: Path | None = None) -> str: ...


def new_id() -> str:
    return f"policyc-sbx-test{uuid.uuid4().hex}"


def _reason() -> str:
    try:
        with tempfile.TemporaryDirectory() as folder:
            EmbeddedProvider(Path(folder)).probe()
    except ProviderUnavailable as error:
        return str(error)
    return ""


@pytest.fixture(scope="session")
def works_here() -> None:
    """Skip where this machine makes no embedded sandboxes."""
    reason = _reason()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sandboxes"


@pytest.fixture
def provider(folder: Path, works_here: None) -> EmbeddedProvider:
    return EmbeddedProvider(folder)


@contextmanager
def sandboxes_of(provider: Provider) -> Iterator[Make]:
    made: list[str] = []

    def make(spec: SandboxSpec | None = None, egress: Path | None = None) -> str:
        made.append(new_id())
        provider.create(Creation(made[-1], spec or SandboxSpec(), "tests", "none", egress))
        return made[-1]

    try:
        yield make
    finally:
        for one in made:
            provider.remove(one)


@pytest.fixture
def make(provider: EmbeddedProvider) -> Iterator[Make]:
    with sandboxes_of(provider) as make_one:
        yield make_one


@pytest.fixture
def sandbox(make: Make) -> str:
    return make()


def sh(provider: Provider, sandbox: str, text: str, **options: object) -> execution.Execution:
    """Run a text of the shell to its end."""
    settings = {"seconds": 20.0, "output": 8 * MIB} | options
    return execution.run(provider, sandbox, ["sh", "-c", text], **settings)  # type: ignore[arg-type]


def told(provider: Provider, sandbox: str, text: str) -> str:
    """What a text of the shell writes to either stream, without the end of its last line."""
    done = sh(provider, sandbox, text)
    return (done.stdout + done.stderr).decode().strip()


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
