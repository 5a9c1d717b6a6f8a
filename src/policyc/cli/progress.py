"""A bar on standard error while many things are done: on a terminal, for what takes long."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Self

from policyc.cli.inputs import STDIN
from policyc.cli.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_QUIET_SECONDS = 0.5
"""A run that is shorter shows no bar."""

_REDRAW_SECONDS = 0.1
_BAR_WIDTH = 30


class Progress:
    """Counts what is done. Traces are counted against an estimate: JSON Lines may hold a trace a
    line, or one in all. Of standard input nothing is known before it is read."""

    def __init__(self, arguments: Sequence[str] = (), *, total: int = 0) -> None:
        """`total`: how many there are, if they are not in files that are `arguments`."""
        is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._is_terminal = is_terminal
        self._is_endless = STDIN in arguments
        is_counted = is_terminal and not self._is_endless
        estimate = sum(_estimate(argument) for argument in arguments) if is_counted else 0
        self._total = estimate + total
        self._is_shown = is_terminal and (self._total > 1 or self._is_endless)
        self._done = 0
        self._is_drawn = False
        self._next_draw = time.monotonic() + _QUIET_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.clear()

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        if self._is_shown and time.monotonic() >= self._next_draw:
            self._draw()

    def count(self, done: int, total: int) -> None:
        """So many of so many are done, where that was not known at the start."""
        self._total = total
        self._is_shown = self._is_terminal and total > 1
        self.step(done - self._done)

    def clear(self) -> None:
        """Remove the bar, so that something else can be printed."""
        if self._is_drawn:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
            self._is_drawn = False

    def _draw(self) -> None:
        print(f"\r{self._shown()}", end="", file=sys.stderr, flush=True)
        self._is_drawn = True
        self._next_draw = time.monotonic() + _REDRAW_SECONDS

    def _shown(self) -> str:
        if self._is_endless:
            return counted(self._done, "trace")
        total = max(self._total, self._done)
        filled = _BAR_WIDTH * self._done // total
        return f"[{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] {self._done:,} of {total:,}"


def _estimate(argument: str) -> int:
    """How many traces there are in a file or folder, at most and without reading them."""
    return sum(_lines(path) for path in _files(argument)) or 1


def _files(argument: str) -> Iterator[str]:
    if not os.path.isdir(argument):
        yield argument
    for place, _folders, names in os.walk(argument):
        yield from (os.path.join(place, name) for name in names)


def _lines(path: str) -> int:
    if not path.endswith((".jsonl", ".ndjson")):
        return 1
    try:
        with open(path, "rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 1
