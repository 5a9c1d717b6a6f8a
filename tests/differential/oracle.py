"""The reference implementation as a subprocess, where an environment with invariant-ai exists.

`make test` creates one (`.venv-oracle`); the environment variable POLICYC_ORACLE names another
interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import TracebackType

    from tests.differential.cases import Case

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("oracle_worker.py")
MISSING = "needs invariant-ai: run `make oracle`, or set POLICYC_ORACLE to a Python that has it"


def interpreter() -> Path | None:
    """The Python that has invariant-ai, or None."""
    named = os.environ.get("POLICYC_ORACLE")
    path = Path(named) if named else ROOT / ".venv-oracle" / "bin" / "python"
    return path if path.exists() else None


def needed_interpreter() -> Path:
    """The Python that has invariant-ai; without one the test that asks for it is skipped.

    Where POLICYC_REQUIRE_ORACLE is set, as `.ci/run` does, it fails instead.
    """
    path = interpreter()
    if path is not None:
        return path
    if os.environ.get("POLICYC_REQUIRE_ORACLE"):
        pytest.fail(f"POLICYC_REQUIRE_ORACLE is set: {MISSING}")
    pytest.skip(MISSING)


class Oracle:
    """The running worker; a context manager."""

    def __init__(self, python: Path) -> None:
        self.process = subprocess.Popen(
            [python, WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, case: Case, parameters: dict[str, Any]) -> dict[str, Any]:
        """What the reference answers: see `oracle_worker`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = {
            "source": case.policy.source,
            "traces": case.traces,
            "boundary": case.boundary,
            "parameters": parameters,
        }
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the reference died on\n{case.policy.source}")
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
