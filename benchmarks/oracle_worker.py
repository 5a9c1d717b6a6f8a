"""Runs invariant-ai for a benchmark and says what CPU time it took.

Started with the interpreter of the environment that has it (see `oracle`); imports nothing of
policyc. Reads and writes JSON lines. `{"load": kind, "source": str, "traces": [[event]]}` prepares
a job of one of the kinds "analyze" (every trace as a whole), "session" (every trace event by event)
and "compile", does it once and answers `{"counts": [number of violations in each trace], "seconds":
float}`. `{"run": loops}` does it again: `{"seconds": float}`.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import sys
from time import process_time
from typing import Any

os.environ["LOCAL_POLICY"] = "1"
# Its limit of 100 candidates for a rule would end most runs.
os.environ["INVARIANT_MAX_ITERATIONS"] = str(10**12)


def analyzed(policy: Any, traces: list[Any]) -> list[int]:
    """The number of violations in each trace."""
    return [len(policy.analyze(trace).errors) for trace in traces]


def watched(monitor: Any, trace: list[Any]) -> int:
    """The number of violations that a fresh monitor reports event by event."""
    return sum(len(monitor.check(trace[:at], [event])) for at, event in enumerate(trace))


def prepared(request: dict[str, Any]) -> Any:
    """The job of a request, a function."""
    # Slow, and prints.
    from invariant.analyzer import Monitor, Policy  # type: ignore[import-not-found]  # noqa: PLC0415

    source, traces = request["source"], request["traces"]
    if request["load"] == "compile":
        return lambda: Policy.from_string(source) and []
    policy = Policy.from_string(source)
    if request["load"] == "session":
        return lambda: [watched(Monitor(policy, {}), trace) for trace in traces]
    return lambda: analyzed(policy, traces)


def timed(job: Any, loops: int) -> float:
    """The CPU seconds of that many runs, the garbage collector off."""
    gc.collect()
    gc.disable()
    try:
        start = process_time()
        for _ in range(loops):
            job()
        return process_time() - start
    finally:
        gc.enable()


def main() -> None:
    answers = sys.stdout
    job: Any = None
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for line in sys.stdin:
            request = json.loads(line)
            if "load" in request:
                job = prepared(request)
                start = process_time()
                answer = {"counts": job(), "seconds": process_time() - start}
            else:
                answer = {"seconds": timed(job, request["run"])}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
