"""Runs inputs of a target one after the other: the process that `watch` starts, and stops where it
hangs.

Reads lines `target number`; answers each with a JSON line, null where nothing is wrong, else the
finding.
"""

from __future__ import annotations

import io
import json
import sys
import traceback
import warnings

from tests.fuzz.targets import TARGETS


def finding(target: str, number: int) -> dict[str, str] | None:
    """What goes wrong with an input: its kind, and the traceback."""
    try:
        TARGETS[target](number)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} in {last.filename.rpartition('/')[2]}: {error}"
        return {"kind": kind[:200], "traceback": traceback.format_exc(limit=-8)}
    return None


def main() -> None:
    answers, sys.stdout = sys.stdout, io.StringIO()
    warnings.simplefilter("error")
    for line in sys.stdin:
        target, number = line.split()
        answers.write(json.dumps(finding(target, int(number))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
