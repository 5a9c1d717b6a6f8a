"""Asking something asynchronous from a program that has no event loop, or that is in one."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, in a thread and an event loop of its own.

    The caller goes on as soon as there is an answer: what a time limit left behind in a worker
    thread is not waited for.
    """
    answer: Future[T] = Future()

    async def answering() -> None:
        try:
            answer.set_result(await work())
        except BaseException as error:  # it is raised where it is asked for
            answer.set_exception(error)

    threading.Thread(target=lambda: asyncio.run(answering()), daemon=True).start()
    return answer.result()
