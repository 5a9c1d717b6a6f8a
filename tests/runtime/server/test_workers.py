"""Which worker does a job, and what happens while all are busy."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.server.policies import CROWD, ENDLESS, LEAKS, SAYS_A, says

from policyc.runtime.server.jobs import Append, Compile, Done, Judge, NeedsHistory, Sources
from policyc.runtime.server.workers import Busy, TooLate, Workers, prepare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from policyc.runtime.server.jobs import Job

BOMB = Judge(Sources(((ENDLESS, None),)), None, CROWD)
EASY = Judge(Sources(((SAYS_A, None),)), None, [says("a")])


@asynccontextmanager
async def started(most: int, **options: Any) -> AsyncIterator[Workers]:
    chosen = {"deadline": 30.0, "memory": 2 * 1024**3, **options}
    workers = Workers(most, **chosen)
    try:
        yield workers
    finally:
        await workers.close()


@pytest.fixture(scope="module", autouse=True)
def prepared() -> None:
    prepare()


def event(session: str, seen: int) -> Job:
    return Append(Sources(((LEAKS, None),)), session, seen, [says("a")], {})


def test_a_job_does_not_wait_for_ever_for_a_worker() -> None:
    async def run() -> None:
        async with started(1, deadline=3.0, wait=0.5) as workers:
            await workers.warm()
            bomb = asyncio.create_task(workers.do(BOMB, owner="bad"))
            await asyncio.sleep(0.1)
            assert await workers.do(EASY, owner="good") == Busy(0.5)
            assert await bomb == TooLate(3.0)
            assert isinstance(await workers.do(EASY, owner="good"), Done)
            assert workers.restarts == 1

    asyncio.run(run())


def test_one_owner_never_has_all_workers() -> None:
    async def run() -> None:
        async with started(4) as workers:
            bombs = [asyncio.create_task(workers.do(BOMB, owner="bad")) for _ in range(4)]
            await asyncio.sleep(0.5)
            assert isinstance(await workers.do(EASY, owner="good"), Done)
            assert not any(one.done() for one in bombs)
            for one in bombs:
                one.cancel()
            await asyncio.gather(*bombs, return_exceptions=True)

    asyncio.run(run())


def test_a_session_goes_to_the_worker_that_knows_it() -> None:
    async def run() -> None:
        async with started(3) as workers:
            await workers.warm()
            await workers.warm()
            for session in ("a", "b"):
                assert isinstance(await workers.do(event(session, 0), owner=session), Done)
            for seen in range(1, 6):
                both = [workers.do(event(name, seen), owner=name) for name in ("a", "b")]
                assert all(isinstance(one, Done) for one in await asyncio.gather(*both))
            workers.forget("a")
            assert isinstance(await workers.do(event("b", 6), owner="b"), Done)
            assert isinstance(await workers.do(event("a", 6), owner="a"), NeedsHistory)

    asyncio.run(run())


def test_a_session_whose_worker_is_busy_for_long_goes_to_another() -> None:
    async def run() -> None:
        async with started(2) as workers:
            await workers.warm()
            assert isinstance(await workers.do(event("a", 0), owner="a"), Done)
            bomb = asyncio.create_task(workers.do(BOMB, owner="bad"))
            await asyncio.sleep(0.1)
            assert isinstance(await workers.do(event("a", 1), owner="a"), NeedsHistory)
            assert not bomb.done()
            bomb.cancel()
            await asyncio.gather(bomb, return_exceptions=True)

    asyncio.run(run())


def test_what_is_given_up_leaves_no_answer_behind() -> None:
    async def run() -> None:
        async with started(1) as workers:
            await workers.warm()
            for _ in range(3):
                asked = asyncio.create_task(workers.do(BOMB, owner="a"))
                await asyncio.sleep(0.1)
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
                found = await workers.do(Compile(Sources((("", None),))), owner="a")
                assert isinstance(found, Done)
                assert found.findings == {"parameters": {}, "required": []}

    asyncio.run(run())
