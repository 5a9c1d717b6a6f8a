"""`policyc container`, on a real engine; and what it says without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.containers import image, name, prefix

import policyc

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient
    from tests.cli.conftest import Run

__all__ = ["image", "name", "prefix"]  # fixtures


def test_from_build_to_down(run: Run, docker_engine: DockerClient, name: str, image: str) -> None:
    built = json.loads(run("container", "build", "--format", "json").stdout)
    assert (built["image"], built["built"]) == (image, False)
    assert run("container", "build").stdout.startswith(f"up to date: {image}, ")

    nothing = run("container", "status")
    assert (nothing.exit_code, nothing.stdout) == (1, "there is no container\n")
    assert run("container", "logs").exit_code == 1

    up = run("container", "up")
    assert up.exit_code == 0 and up.stdout.startswith(f"{name} answers at http://127.0.0.1:")
    again = json.loads(run("container", "up", "--format", "json").stdout)
    assert up.stdout.split()[-1] == again["url"]

    status = run("container", "status", "--format", "json")
    (row,) = json.loads(status.stdout)["containers"]
    assert status.exit_code == 0
    assert (row["name"], row["image"], row["state"]) == (name, image, "running")
    assert (row["ready"], row["version"], row["kept"]) == (True, policyc.__version__, True)
    told = run("container", "status").stdout
    assert "  state    running, answers\n" in told
    assert "runs until `policyc container down`" in told

    logs = run("container", "logs", "--tail", "1")
    assert json.loads(logs.stdout)["event"] == "request"

    docker_engine.containers.get(name).stop()
    stopped = run("container", "status")
    assert (stopped.exit_code, "  state    exited\n" in stopped.stdout) == (1, True)

    assert run("container", "down").stdout == f"removed {name}\n"
    down = run("container", "down", "--all", "--format", "json")
    assert (down.exit_code, json.loads(down.stdout)) == (0, {"removed": []})


def test_traces_are_judged_in_it(run: Run, name: str, policy: str, trace: str) -> None:
    here = run("eval", policy, trace, "--format", "json")
    there = run("eval", "--backend", "container", policy, trace, "--format", "json")
    assert (there.exit_code, json.loads(there.stdout)) == (1, json.loads(here.stdout))


def test_an_image_that_is_not_there_is_an_error_with_the_way_out(run: Run, prefix: str) -> None:
    result = run("container", "up", "--image", "example.invalid/nothing:1")
    assert result.exit_code == 3
    assert "docker pull example.invalid/nothing:1" in result.stderr


@pytest.mark.parametrize("what", [["build"], ["up"], ["status"], ["logs"], ["down"]])
def test_without_an_engine_it_ends_with_3(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, what: list[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/nothing.sock")
    result = run("container", *what)
    assert result.exit_code == 3
    assert "no container engine answers" in result.stderr
    assert "Traceback" not in result.stderr


def test_all_and_one_image_exclude_one_another(run: Run) -> None:
    assert run("container", "down", "--all", "--image", "x").exit_code == 2
