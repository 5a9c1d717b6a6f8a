"""`policyc doctor`: exit codes, and the two forms of its findings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from policyc.runtime.doctor.checks import CHECKS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def no_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/nothing.sock")


def test_warnings_are_no_errors(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 0
    assert "warning   engine    engine-absent: No container engine answers" in result.stdout
    assert "sudo systemctl start docker" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("0 errors, ")


def test_what_the_backend_needs_is_an_error(run: Run) -> None:
    result = run("doctor", "--backend", "container")
    assert result.exit_code == 1
    assert "\nerror     engine    engine-absent" in result.stdout
    assert "\nskipped   image     it needs the container engine\n" in result.stdout


@pytest.mark.parametrize("form", [["--json"], ["--format", "json"]])
def test_findings_as_json(run: Run, form: list[str]) -> None:
    result = run("doctor", "--backend", "container", *form)
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"]) == (1, False)
    assert [row["check"] for row in told["checks"]] == [check.name for check in CHECKS]
    (engine,) = [row for row in told["checks"] if row["check"] == "engine"]
    assert (engine["state"], engine["fault"]) == ("error", "engine-absent")
    assert "systemctl" in engine["way_out"]


def test_a_backend_that_there_is_not_is_a_mistake_of_the_user(run: Run) -> None:
    result = run("doctor", "--backend", "contaner")
    assert result.exit_code == 2
    assert "there is no backend `contaner`" in result.stderr
