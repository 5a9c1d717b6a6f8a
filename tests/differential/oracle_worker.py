"""Runs the reference implementation: reads JSON lines of a policy and traces, writes its answers as
JSON lines.

Started with the interpreter of the environment that has invariant-ai (see `oracle.py`); imports
nothing of policyc. Request: `{"source": str, "traces": [[event]], "parameters": {}}`. Answer:
`{"refused": str}` where the policy does not load, else `{"answers": [...]}` with, for each trace,
`{"error": str}` or `{"violations": [{args, kwargs, key, ranges}]}`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any

os.environ["LOCAL_POLICY"] = "1"
os.environ["INVARIANT_MAX_ITERATIONS"] = "1000000"


def analyze(policy: Any, trace: list[Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """The answer for one trace."""
    try:
        result = policy.analyze(trace, **parameters)
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
    return {
        "answers": [analyze(policy, trace, request["parameters"]) for trace in request["traces"]]
    }


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
