"""The clock of the wall jumps by years, forwards and back: nothing that waits goes by it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.clocks import YEAR, wall_clock
from tests.runtime.server.policies import CROWD, ENDLESS, LEAKS, SAYS_A, answers, calls, says
from tests.runtime.server.processes import PATIENCE, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.clocks import WallClock

__all__ = ["wall_clock"]

JUMPS = (10 * YEAR, -10 * YEAR, 0)
"""In this order, so that the second one is twenty years back."""

TELLS = """
import sys, time
for line in sys.stdin:
    print(time.time(), time.monotonic(), flush=True)
"""

BREAKS = """
import sys, time
from policyc.runtime.backends.breaker import Breaker, CircuitOpen

breaker = Breaker(failures=1, pause=float(sys.argv[1]))
breaker.note(is_good=False)
for line in sys.stdin:
    try:
        breaker.check("it")
        print(f"let through in {time.gmtime().tm_year}", flush=True)
    except CircuitOpen:
        print(f"refused in {time.gmtime().tm_year}", flush=True)
"""

RESERVES = """
import sys, time
from pathlib import Path
from policyc.runtime.ports import PortsExhausted, reserve_port

number = int(sys.argv[1])
for line in sys.stdin:
    try:
        kept = reserve_port(range(number, number + 1), folder=Path(sys.argv[2]))
        print(f"got it in {time.gmtime().tm_year}", flush=True)
    except PortsExhausted:
        print(f"taken in {time.gmtime().tm_year}", flush=True)
"""


@contextmanager
def _asked(program: str, *arguments: str) -> Iterator[Callable[[], str]]:
    """A program that answers each line with one; the function asks it."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    given, told = process.stdin, process.stdout

    def ask() -> str:
        given.write("\n")
        given.flush()
        return told.readline().strip()

    try:
        yield ask
    finally:
        given.close()
        process.wait(PATIENCE)
        told.close()


def test_the_clock_of_these_tests_jumps(wall_clock: WallClock) -> None:
    with _asked(TELLS) as ask:
        before = [float(part) for part in ask().split()]
        wall_clock.turn(10 * YEAR)
        after = [float(part) for part in ask().split()]
    assert after[0] - before[0] > 9 * YEAR
    assert 0 <= after[1] - before[1] < PATIENCE


def test_sessions_and_verdicts_outlive_a_jump(wall_clock: WallClock) -> None:
    with running("--idle", "600", "--deadline", "20") as server, server.client() as client:
        kept = client.post("/v1/sessions", json={"sources": [{"text": LEAKS}]}).json()["id"]
        first = client.get("/session/new").json()["id"]
        events = [calls("read", path="x"), answers("a secret")]
        fed = client.post(f"/v1/sessions/{kept}/events", json={"events": events})
        assert fed.status_code == 200
        workers = server.workers
        for jump in JUMPS:
            wall_clock.turn(jump)
            assert client.get(f"/v1/sessions/{kept}").json()["events"] == 2
            assert client.get(f"/session?session_id={first}").status_code == 200
            found = client.post(
                "/v1/check",
                json={"sources": [{"text": SAYS_A}], "trace": [says("a")]},
            )
            assert len(found.json()["violations"]) == 1
        last = client.post(
            f"/v1/sessions/{kept}/events", json={"events": [calls("send", "2", text="it")]}
        )
        assert len(last.json()["violations"]) == 1
        assert server.workers == workers


@pytest.mark.parametrize("jump", [10 * YEAR, -10 * YEAR], ids=["forwards", "back"])
def test_a_deadline_and_an_idle_session_end_in_their_own_time(
    wall_clock: WallClock, jump: int
) -> None:
    with running("--idle", "2", "--deadline", "1") as server, server.client() as client:
        kept = client.post("/v1/sessions", json={"sources": [{"text": SAYS_A}]}).json()["id"]
        wall_clock.turn(jump)
        late = client.post("/v1/check", json={"sources": [{"text": ENDLESS}], "trace": CROWD})
        assert (late.status_code, late.json()["detail"]["kind"]) == (504, "deadline")
        end = time.monotonic() + PATIENCE
        # To ask for the session itself would keep it in use.
        while 'policyc_sessions{api="v1"} 0.0' not in client.get("/metrics").text:
            assert time.monotonic() < end
            time.sleep(0.2)
        assert client.get(f"/v1/sessions/{kept}").status_code == 404


def test_a_server_that_failed_is_left_alone_for_as_long_as_ever(wall_clock: WallClock) -> None:
    with _asked(BREAKS, "3600") as ask:
        told = [ask()]
        for jump in JUMPS:
            wall_clock.turn(jump)
            told.append(ask())
    assert [one.partition(" ")[0] for one in told] == ["refused"] * 4
    assert len(set(told)) == 3, "the clock did not jump"
    with _asked(BREAKS, "0.3") as ask:
        wall_clock.turn(-10 * YEAR)
        assert ask().startswith("refused")
        time.sleep(0.4)
        assert ask().startswith("let through")


def test_a_port_stays_reserved_however_old_its_lock_seems(
    wall_clock: WallClock, tmp_path: Path
) -> None:
    folder = tmp_path / "ports"
    folder.mkdir(mode=0o700)
    given = ("23917", str(folder))
    with _asked(RESERVES, *given) as first, _asked(RESERVES, *given) as second:
        assert first().startswith("got it")
        for jump in JUMPS:
            wall_clock.turn(jump)
            assert second().startswith("taken")
    with _asked(RESERVES, *given) as third:
        assert third().startswith("got it")


def test_what_is_cached_is_used_whatever_the_clock_says(
    wall_clock: WallClock, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    policy = tmp_path / "p.inv"
    policy.write_text(SAYS_A)
    trace = tmp_path / "t.json"
    trace.write_text('[{"role": "user", "content": "a"}]')

    def entries() -> dict[str, int]:
        return {one.name: one.stat().st_mtime_ns for one in cache.glob("*.bin")}

    made: dict[str, int] = {}
    for jump in (0, *JUMPS):
        wall_clock.turn(jump)
        done = subprocess.run(
            [sys.executable, "-m", "policyc", "eval", policy, trace],
            env={**os.environ, "POLICYC_CACHE_DIR": str(cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        made = made or entries()
        assert entries() == made != {}
