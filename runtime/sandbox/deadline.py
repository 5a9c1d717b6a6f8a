"""Calls that must answer in time: in a thread of their own, which is given up when they do not."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


MOST_LATE: Final = 4
"""Calls that were given up and run on. More are not begun: each has a thread, and its arguments."""

T = TypeVar("T")


class Punctual:
    """Makes calls one after the other in one thread. A thread that is late is left alone, and does
    not keep the process alive; the next call gets another, unless too many are late."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[_Call | None] | None = None
        self._late: list[_Call] = []

    def call(self, seconds: float, function: Callable[..., T], *args: Any) -> T:
        """What a function returns, or raises.

        Raises:
            TimeoutError: it did neither for so many seconds, or others have not for long.
        """
        self._late = [one for one in self._late if not one.is_done.is_set()]
        if len(self._late) >= MOST_LATE:
            raise TimeoutError
        if self._calls is None:
            self._calls = SimpleQueue()
            work = threading.Thread(target=_work, args=(self._calls,), name=self._name, daemon=True)
            work.start()
        call = _Call(function, args)
        self._calls.put(call)
        if not call.is_done.wait(seconds):
            self._late.append(call)
            self.close()
            raise TimeoutError
        if call.error is not None:
            raise call.error
        result: T = call.result
        return result

    def close(self) -> None:
        """Let go of the thread."""
        if self._calls is not None:
            self._calls.put(None)
            self._calls = None


class _Call:
    __slots__ = ("args", "error", "function", "is_done", "result")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function = function
        self.args = args
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_done = threading.Event()


def _work(calls: SimpleQueue[_Call | None]) -> None:
    while (call := calls.get()) is not None:
        try:
            call.result = call.function(*call.args)
        except BaseException as error:  # it belongs to whoever asked
            call.error = error
        call.is_done.set()
        del call
