"""Calls that may block, made by threads of their own so that the loop goes on."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class Calls:
    """Makes at most `slots` calls at a time; belongs to one loop.

    A call that never returns keeps its slot, and does not hold up the end of the program.
    """

    def __init__(self, slots: int) -> None:
        self._free = asyncio.Semaphore(slots)

    async def call(self, function: Callable[[], Answer]) -> Answer:
        """What the function answers or raises. Who does not wait any longer cancels."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Callable[[], Answer]] = loop.create_future()

        def settle(told: Callable[[], Answer]) -> None:
            self._free.release()
            if not answer.done():
                answer.set_result(told)

        def run() -> None:
            told = _outcome(function)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, told)

        threading.Thread(target=run, name="policyc-egress-call", daemon=True).start()
        return (await answer)()


def _outcome(function: Callable[[], Answer]) -> Callable[[], Answer]:
    """A function that answers, or raises, what this one does now."""
    try:
        answer = function()
    except Exception as error:  # whatever goes wrong is the caller's to see
        caught = error

        def fail() -> Answer:
            raise caught

        return fail
    return lambda: answer
