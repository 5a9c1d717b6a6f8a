"""`--watch`: policies are loaded again when a file changes; a bad one changes nothing."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from tests.runtime.server.policies import BROKEN, NEEDS, SAYS_A, says
from tests.runtime.server.processes import PATIENCE, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def put(path: Path, text: str) -> None:
    """Write a file as editors do: whole, in one step."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    os.replace(fresh, path)


def test_reloading(tmp_path: Path) -> None:
    file = tmp_path / "says.inv"
    file.write_text(SAYS_A, "utf-8")
    arguments = ("--policy", str(tmp_path), "--watch", "--workers", "2")
    with running(*arguments) as server, server.client() as client:

        def digests() -> dict[str, str]:
            listed = client.get("/v1/policies").json()["policies"]
            return {one["name"]: one["digest"] for one in listed}

        def events() -> list[str]:
            lines = server.log.read_text("utf-8").splitlines()[1:]
            return [json.loads(line)["event"] for line in lines]

        def found(text: str) -> int:
            body = {"policy": "says", "trace": [says(text)]}
            return len(client.post("/v1/check", json=body).json()["violations"])

        first = digests()
        session = client.post("/v1/sessions", json={"policy": "says"}).json()["id"]
        assert (found("a"), found("b")) == (1, 0)

        put(file, SAYS_A.replace('"a" in', '"b" in'))
        wait_until(lambda: digests() != first)
        assert (found("a"), found("b")) == (0, 1)
        # A session keeps the policy with which it began.
        path = f"/v1/sessions/{session}/events"
        assert len(client.post(path, json={"events": [says("a")]}).json()["violations"]) == 1

        second = digests()
        put(file, BROKEN)
        wait_until(lambda: "policies not reloaded" in events())
        assert digests() == second
        assert (found("a"), found("b")) == (0, 1)
        assert 'policyc_policy_reloads_total{outcome="refused"} 1.0' in client.get("/metrics").text

        put(tmp_path / "more.inv", NEEDS)
        put(file, SAYS_A)
        wait_until(lambda: digests().get("says") == first["says"])
        assert set(digests()) == {"says", "more"}
        (tmp_path / "more.inv").unlink()
        wait_until(lambda: set(digests()) == {"says"})
