"""Runs the reference implementation: reads JSON lines of a policy and traces, writes its answers as
JSON lines.

Started with the interpreter of the environment that has invariant-ai (see `oracle.py`); imports
nothing of policyc. Request: `{"source": str, "traces": [[event]], "boundary": per cent of a trace,
"parameters": {}}`. Answer: `{"refused": str}` where the policy does not load, else `{"answers":
[...], "pending": [...]}` with, for each trace, `{"error": str}` or `{"violations": [{args, kwargs,
key, ranges}]}` of the whole trace, and of its end as pending events.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ["LOCAL_POLICY"] = "1"
os.environ["INVARIANT_MAX_ITERATIONS"] = "1000000"


def analyze(run: Callable[[], Any]) -> dict[str, Any]:
    """What an analysis found, or how it failed."""
    try:
        result = run()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    violations = []
    for found in result.errors:
        try:
            shown = found.to_dict()
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}
        violations.append(
            {
                "args": shown["args"],
                "kwargs": shown["kwargs"],
                "key": found.key,
                "ranges": sorted({str(place.json_path) for place in found.ranges}),
            }
        )
    return {"violations": violations}


def respond(request: dict[str, Any], policy_class: Any) -> dict[str, Any]:
    """The answer to one request."""
    try:
        policy = policy_class.from_string(request["source"])
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    parameters = request["parameters"]
    answers, pending = [], []
    for trace in request["traces"]:
        at = len(trace) * request["boundary"] // 100
        answers.append(analyze(partial(policy.analyze, trace, **parameters)))
        halves = partial(policy.analyze_pending, trace[:at], trace[at:], **parameters)
        pending.append(analyze(halves))
    return {"answers": answers, "pending": pending}


def main() -> None:
    answers = sys.stdout
    # The reference prints while it works, and its unfinished tasks complain when they are dropped.
    sys.stderr = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()):
        from invariant.analyzer import Policy  # noqa: PLC0415  # slow, and only for this process

        for line in sys.stdin:
            answer = respond(json.loads(line), Policy)
            answers.write(json.dumps(answer, default=str) + "\n")
            answers.flush()
            sys.stderr.seek(0)
            sys.stderr.truncate()


if __name__ == "__main__":
    main()
