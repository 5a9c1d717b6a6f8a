"""Every provider passes the same list of checks, as root and as an ordinary user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.sandbox.embedded.ordinary import run_as_ordinary_user

from policyc.runtime.sandbox.embedded import EmbeddedProvider
from policyc.runtime.sandbox.registry import choose
from policyc.runtime.sandbox.selfcheck import CHECKS, selfcheck

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    Results = dict[str, tuple[bool, str]]

pytestmark = pytest.mark.slow


def failed(found: Results) -> dict[str, str]:
    """What the checks saw that did not pass."""
    assert sorted(found) == sorted(CHECKS)
    return {name: seen for name, (passed, seen) in found.items() if not passed}


def test_embedded(works_here: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("sandboxes")
    found = {one.name: (one.passed, one.seen) for one in selfcheck(EmbeddedProvider(folder))}
    assert failed(found) == {}
    assert list(folder.iterdir()) == []


def test_embedded_as_an_ordinary_user(works_here: None) -> None:
    found, left = run_as_ordinary_user(
        "from policyc.runtime.sandbox.selfcheck import selfcheck\n"
        "found = {r.name: (r.passed, r.seen) for r in selfcheck(EmbeddedProvider(folder))}\n"
        "print(json.dumps([found, [one.name for one in folder.iterdir()]]))\n"
    )
    assert failed(found) == {}
    assert left == []


def test_docker(docker_engine: DockerClient) -> None:
    provider = choose("docker")
    found = {one.name: (one.passed, one.seen) for one in selfcheck(provider)}
    provider.close()
    assert failed(found) == {}


def test_a_provider_that_lets_things_through_does_not_pass(folder: Path, works_here: None) -> None:
    provider = EmbeddedProvider(folder, without=("seccomp",))
    names = ("system calls refused", "no new privileges", "exit code")
    results = {one.name: one for one in selfcheck(provider, names=names)}
    assert [one for one in names if not results[one].passed] == list(names[:2])
    assert "unshare" in results["system calls refused"].seen


def test_a_result_is_plain_data(folder: Path, works_here: None) -> None:
    (result,) = selfcheck(EmbeddedProvider(folder), names=["exit code"])
    told = result.to_dict()
    assert told | {"seconds": 0} == {
        "name": "exit code",
        "passed": True,
        "seen": "codes [0, 3, 255]",
        "seconds": 0,
    }
