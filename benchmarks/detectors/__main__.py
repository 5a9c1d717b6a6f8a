"""`python -m benchmarks.detectors`: precision, recall and time of each detector.

Beside policyc stand invariant-ai, where `make oracle` set it up and its detector works without a
network, and other packages where they are installed: `make candidates` sets up those that
`latency` compares with, `pip install --no-deps agentdojo urlextract detect-secrets` the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from benchmarks.detectors import latency, libraries, own_sets, speed
from benchmarks.detectors.evaluation import as_text, figures
from benchmarks.detectors.upstream import Upstream
from benchmarks.oracle import VARIABLE, interpreter

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.detectors.evaluation import Evaluation

EVALUATIONS: dict[str, Callable[[Upstream | None], Evaluation]] = {
    "secrets": own_sets.evaluate_secrets,
    "injection": own_sets.evaluate_injection,
    "links": own_sets.evaluate_links,
    "paths": own_sets.evaluate_paths,
    "pii": own_sets.evaluate_pii,
    "unicode": own_sets.evaluate_unicode,
    "copyright": own_sets.evaluate_copyright,
}
"""Each evaluation by name. One for a new detector is a row here."""

LATENCY, SPEED, LIBRARIES = "latency", "speed", "libraries"
NAMES = [*EVALUATIONS, LATENCY, SPEED, LIBRARIES]


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detectors", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=NAMES,
        help=f"run this one; may be repeated ({', '.join(NAMES)})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--oracle",
        metavar="PYTHON",
        help=f"a Python that has invariant-ai (default: {VARIABLE}, or .venv-oracle)",
    )
    options = parser.parse_args(given)
    if options.oracle and interpreter(options.oracle) is None:
        parser.error(f"there is no {options.oracle}")
    return options


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    python = interpreter(options.oracle)
    if python is None:
        print("without invariant-ai: `make oracle` sets it up", file=sys.stderr)
    upstream = Upstream(python) if python is not None else None
    told: dict[str, list[dict[str, object]]] = {}
    for name in options.only or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        if name == LATENCY:
            timings = latency.rows(python)
            told[name] = [row.to_dict() for row in timings]
            if not options.json:
                print(latency.as_text(timings), flush=True)
            continue
        if name == SPEED:
            if options.json:
                columns: tuple[str, ...] = (
                    "detector",
                    "megabyte_seconds",
                    "worst_milliseconds",
                    "worst",
                )
                told[name] = [dict(zip(columns, row, strict=True)) for row in speed.figures()]
            else:
                print(speed.as_text(), flush=True)
            continue
        if name == LIBRARIES:
            if options.json:
                columns = ("task", "by", "milliseconds", "result")
                told[name] = [dict(zip(columns, row, strict=True)) for row in libraries.rows()]
            else:
                print(libraries.as_text(), flush=True)
            continue
        evaluation = EVALUATIONS[name](upstream)
        rows = figures(evaluation)
        told[name] = [row.to_dict() for row in rows]
        if not options.json:
            print(as_text(evaluation.title, rows), flush=True)
    if options.json:
        print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
