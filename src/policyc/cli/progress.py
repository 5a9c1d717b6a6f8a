"""A bar on standard error while many traces are judged: on a terminal, for what takes long."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Self

from policyc.cli.inputs import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_QUIET_SECONDS = 0.5
"""A run that is shorter shows no bar."""

_REDRAW_SECONDS = 0.1
_BAR_WIDTH = 30


class Progress:
    """Counts traces against an estimate: JSON Lines may hold a trace a line, or one in all."""

    def __init__(self, arguments: Iterable[str]) -> None:
        is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._total = sum(_estimate(argument) for argument in arguments) if is_terminal else 0
        self._is_shown = self._total > 1
        self._done = 0
        self._is_drawn = False
        self._next_draw = time.monotonic() + _QUIET_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.clear()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._is_shown and time.monotonic() >= self._next_draw:
            self._draw()

    def clear(self) -> None:
        """Remove the bar, so that something else can be printed."""
        if self._is_drawn:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
            self._is_drawn = False

    def _draw(self) -> None:
        total = max(self._total, self._done)
        filled = _BAR_WIDTH * self._done // total
        bar = "#" * filled + "." * (_BAR_WIDTH - filled)
        print(f"\r[{bar}] {self._done:,} of {total:,}", end="", file=sys.stderr, flush=True)
        self._is_drawn = True
        self._next_draw = time.monotonic() + _REDRAW_SECONDS


def _estimate(argument: str) -> int:
    """How many traces there are in a file or folder, at most and without reading them."""
    if argument == STDIN:
        return 1
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
