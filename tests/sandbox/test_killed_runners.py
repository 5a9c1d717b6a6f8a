"""Runners that are killed at any moment: no sandbox is left after the sweep, and no decision that
was acted on is missing in the log."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from policyc.runtime.sandbox.audit import default_path, records, verify
from policyc.runtime.sandbox.state import state_folder
from policyc.sandbox import SandboxService

if TYPE_CHECKING:
    from pathlib import Path

    from policyc.runtime.sandbox.provider import Provider

pytestmark = pytest.mark.slow

RUNNER = """
import sys
from policyc.sandbox import Refused, Sandbox
with Sandbox("policy:coding-agent", provider=sys.argv[1]) as box:
    while True:
        number = box.exec("cat n 2>/dev/null; date +%N > n").text
        print("acted", flush=True)
        try:
            box.exec("history -c")
        except Refused:
            print("refused", flush=True)
"""

KILLS = {"embedded": 30, "docker": 4}


def test_killed_at_random_moments(gated_provider: Provider, state: Path) -> None:
    chance = random.Random(11)
    acted = refused = 0
    for number in range(KILLS[gated_provider.name]):
        runner = subprocess.Popen(
            [sys.executable, "-c", RUNNER, gated_provider.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert runner.stdout is not None
        # Some are killed while they begin, others while they work.
        words = [runner.stdout.readline().strip()] if number % 2 else []
        time.sleep(chance.uniform(0, 0.3) if number % 2 else chance.uniform(0.1, 0.9))
        runner.send_signal(signal.SIGKILL)
        words += runner.communicate()[0].split()
        acted += words.count("acted")
        refused += words.count("refused")
    service = SandboxService(gated_provider)
    service.sweep()
    assert service.search().items == ()
    assert acted > 0
    told = verify(default_path())
    assert told.is_intact, told.problems
    calls = [one["verdict"] for one in records(default_path()) if one["kind"] == "call"]
    # A decision may be in the log before anybody could say so, never the other way round.
    assert calls.count("allow") >= acted
    assert calls.count("deny") >= refused
    left = [one.name for one in (state_folder() / "sandboxes").iterdir()]
    # Of a runner that was killed the trace is kept, for whoever wants to know what happened.
    assert all((state_folder() / "sandboxes" / name / "sandbox.json").exists() for name in left)
