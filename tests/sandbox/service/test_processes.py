"""Many runners at once, and runners that are killed."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.service.runners import SPEC, context, hold_the_lock, live, run, start_one

from policyc.runtime.sandbox.failures import SandboxBusy, SandboxError
from policyc.runtime.sandbox.lifecycle import HOLDING
from policyc.runtime.sandbox.provider import Status
from policyc.runtime.sandbox.service import SandboxService
from policyc.runtime.sandbox.state import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from tests.sandbox.local_provider import LocalProvider

LIMIT = 5
RUNNERS = 20
KILLS = 30


class Runner:
    """Another process; a context manager that kills it."""

    def __init__(self, do: Callable[..., None], *arguments: Any) -> None:
        starter = context()
        self.says, theirs = starter.Pipe()
        self._process: BaseProcess = starter.Process(
            target=run, args=(do, os.environ[FOLDER_VARIABLE], *arguments, theirs)
        )
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Connection:
        return self.says

    def __exit__(self, *_error: object) -> None:
        self.kill()
        self.says.close()
        self._process.close()


class Watch:
    """Looks all the time how many sandboxes hold resources."""

    def __init__(self, provider: LocalProvider) -> None:
        self._provider = provider
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.most = 0
        self.looks = 0

    def _work(self) -> None:
        while not self._ends.is_set():
            # Paused ones first: one that is resumed between two looks must not count as another.
            holding = [one for one in self._provider.records() if one.status in HOLDING]
            self.most = max(self.most, len(holding))
            self.looks += 1

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.set()
        self._thread.join()


def test_20_processes_start_at_the_limit_at_once(provider: LocalProvider) -> None:
    service = SandboxService(provider, limit=LIMIT)
    for _ in range(LIMIT):
        service.start(SPEC)
    with ExitStack() as stack:
        runners = [
            stack.enter_context(Runner(start_one, str(provider._folder), LIMIT))
            for _ in range(RUNNERS)
        ]
        assert {one.recv() for one in runners} == {"ready"}
        watch = stack.enter_context(Watch(provider))
        for one in runners:
            one.send("go")
        ids = {one.recv() for one in runners}
        found = Counter(one.status for one in service.search().items)
    assert len(ids) == RUNNERS
    assert watch.looks > RUNNERS and watch.most <= LIMIT
    assert found == {Status.RUNNING: LIMIT, Status.PAUSED: RUNNERS}


def test_20_threads_start_at_the_limit_at_once(provider: LocalProvider) -> None:
    service = SandboxService(provider, limit=LIMIT)
    with Watch(provider) as watch:
        threads = [threading.Thread(target=service.start, args=(SPEC,)) for _ in range(RUNNERS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert watch.most == LIMIT
    assert Counter(one.status for one in service.search().items)[Status.RUNNING] == LIMIT


@pytest.mark.slow
def test_runners_killed_at_30_random_moments_leave_nothing(
    provider: LocalProvider, state: Path
) -> None:
    chance = random.Random(6)
    service = SandboxService(provider)
    seen = 0
    for _ in range(KILLS):
        with Runner(live, str(provider._folder)) as says:
            assert says.recv() == "ready"
            time.sleep(chance.uniform(0, 0.3))
        seen += len(provider.records())
        service.sweep()
        assert provider.leaks() == []
        # The folder of one whose first note was not whole stays for a minute: nobody knows whose.
        for one in (state / "sandboxes").glob("*"):
            assert not [note for note in one.iterdir() if note.suffix != ".new"]
            os.utime(one, (0, 0))
            service.sweep()
            assert not one.exists()
    assert seen > KILLS // 2, "most of them were killed while they had sandboxes"


def test_living_runners_are_left_alone_and_dead_ones_swept_by_all_at_once(
    provider: LocalProvider,
) -> None:
    service = SandboxService(provider)
    with ExitStack() as stack:
        runners = [
            stack.enter_context(Runner(start_one, str(provider._folder), RUNNERS))
            for _ in range(RUNNERS)
        ]
        for one in runners:
            one.recv()
            one.send("go")
            one.recv()
        assert service.sweep() == []
        assert len(provider.records()) == RUNNERS
    reaped: list[Any] = []
    threads = [
        threading.Thread(target=lambda: reaped.extend(SandboxService(provider).sweep()))
        for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({one.sandbox for one in reaped}) == RUNNERS
    assert {one.reason for one in reaped} == {"the process that owned it is gone"}
    assert provider.leaks() == []


@pytest.mark.slow
def test_200_sandboxes_leave_nothing_in_this_process(provider: LocalProvider) -> None:
    service = SandboxService(provider)

    def counts() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    service.delete(service.start(SPEC).id)
    before = counts()
    for _ in range(200):
        info = service.start(SPEC)
        service.pause(info.id)
        service.resume(info.id)
        service.delete(info.id)
    assert counts() == before
    assert provider.leaks() == []


class TestLock:
    def test_one_that_was_killed_holds_it_no_more(self, provider: LocalProvider) -> None:
        with Runner(hold_the_lock, str(provider._folder)) as says:
            says.recv()
        SandboxService(provider, wait_seconds=10).start(SPEC)

    def test_one_that_lives_is_waited_for(self, provider: LocalProvider) -> None:
        with Runner(hold_the_lock, str(provider._folder)) as says:
            says.recv()
            with pytest.raises(SandboxBusy, match=r"for more than 0.2 seconds \(the lock is"):
                SandboxService(provider, wait_seconds=0.2).start(SPEC)
        assert provider.records() == []

    def test_one_that_cannot_be_had(self, provider: LocalProvider) -> None:
        service = SandboxService(provider)
        service._notes.lock.mkdir()
        with pytest.raises(SandboxError, match="cannot be used"):
            service.start(SPEC)
