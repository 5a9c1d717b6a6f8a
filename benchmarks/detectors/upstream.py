"""invariant-ai's detectors as engines: a process of its own, in the environment that has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.detectors.evaluation import YES, Answers, Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.detectors.evaluation import Item

WORKER = Path(__file__).with_name("upstream_worker.py")


class Upstream:
    """Asks invariant-ai's detectors; `python` is the interpreter that has it."""

    def __init__(self, python: Path) -> None:
        self.python = python

    def engine(
        self,
        detector: str,
        answers: Callable[[list[str]], Answers] = lambda found: YES if found else frozenset(),
        **options: Any,
    ) -> Engine:
        """An engine of one of the worker's detectors; `answers` says what its findings mean."""

        def answer(items: Sequence[Item]) -> tuple[list[Answers], float]:
            request = {"detector": detector, "texts": [item.text for item in items], **options}
            done = subprocess.run(
                [self.python, WORKER],
                input=json.dumps(request),
                capture_output=True,
                text=True,
                check=True,
                timeout=600,
            )
            told = json.loads(done.stdout.splitlines()[-1])
            return [answers(found) for found in told["found"]], told["seconds"]

        return Engine("invariant-ai", answer)
