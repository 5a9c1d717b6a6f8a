"""Fuzzes in a process of its own, and notices where it hangs or dies.

`Watch` hands out inputs of one target; an input that takes longer than the deadline is a finding,
and so is one that ends the process. Either is followed by a new process.
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).parents[2]

DEADLINE = 20.0
"""Seconds for one input. A regular expression may take one, and an input holds a handful."""


@dataclass(frozen=True, slots=True)
class Finding:
    target: str
    number: int
    kind: str
    traceback: str = ""

    def __str__(self) -> str:
        again = f"python -m tests.fuzz.run --again {self.target}:{self.number}"
        return f"{self.target} {self.number}: {self.kind}\n{self.traceback}again: {again}"


class Watch:
    """The process and its deadline; a context manager."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.fuzz.worker"]
        return subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def judge(self, target: str, number: int) -> Finding | None:
        """Run one input."""
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{target} {number}\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(self.deadline):
                return self._restart(target, number, f"no answer within {self.deadline:.0f} s")
        line = process.stdout.readline()
        if not line:
            return self._restart(target, number, "the process ended")
        found = json.loads(line)
        return None if found is None else Finding(target, number, **found)

    def _restart(self, target: str, number: int, kind: str) -> Finding:
        self._stop()
        self.process = self._start()
        return Finding(target, number, kind)

    def _stop(self) -> None:
        self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
