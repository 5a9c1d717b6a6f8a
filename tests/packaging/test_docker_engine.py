"""POLICYC_REQUIRE_DOCKER: a missing engine is a skip without it and a failure with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from docker import DockerClient

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[1] / "conftest.py"
NEEDS_ENGINE = "def test_engine(docker_engine): docker_engine.ping()"


def test_the_engine_answers_and_runs_linux(docker_engine: DockerClient) -> None:
    assert docker_engine.ping()
    assert docker_engine.info()["OSType"] == "linux"


@pytest.mark.parametrize(("required", "outcome"), [(False, "skipped"), (True, "errors")])
def test_a_missing_engine_is_no_silent_skip_where_it_is_required(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, required: bool, outcome: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{pytester.path}/nothing-listens-here.sock")
    monkeypatch.delenv("POLICYC_REQUIRE_DOCKER", raising=False)
    if required:
        monkeypatch.setenv("POLICYC_REQUIRE_DOCKER", "1")
    pytester.makeconftest(CONFTEST.read_text("utf-8"))
    pytester.makeini("[pytest]\nmarkers = docker: needs a Docker engine\n")
    pytester.makepyfile(NEEDS_ENGINE)

    result = pytester.runpytest_inprocess("-rs", "-p", "no:cacheprovider")

    result.assert_outcomes(**{outcome: 1})
    result.stdout.fnmatch_lines(["*no Docker engine answers*"])
