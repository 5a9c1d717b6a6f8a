"""invariant-ai as a contender: a process of its own, in the environment that has it.

The environment is `.venv-oracle`, which `make oracle` sets up, or that of the interpreter which
POLICYC_ORACLE or `--oracle` names.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.trace_maker import Trace

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("oracle_worker.py")
VARIABLE = "POLICYC_ORACLE"


def interpreter(named: str | None = None) -> Path | None:
    """The Python that has invariant-ai: the one named, or of the environment, or None."""
    name = named or os.environ.get(VARIABLE)
    path = Path(name) if name else ROOT / ".venv-oracle" / "bin" / "python"
    return path if path.exists() else None


class Oracle:
    """The running worker; a context manager. It has one job at a time."""

    def __init__(self, python: Path) -> None:
        self.process = subprocess.Popen(
            [python, WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def load(self, kind: str, source: str, traces: list[Trace]) -> tuple[list[int], float]:
        """Prepare a job and do it once: the violations in each trace, the CPU seconds."""
        answer = self._ask({"load": kind, "source": source, "traces": traces})
        return answer["counts"], answer["seconds"]

    def sample(self, loops: int) -> float:
        """The CPU seconds of that many runs of the job."""
        seconds: float = self._ask({"run": loops})["seconds"]
        return seconds

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("invariant-ai ended without an answer")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Oracle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
