"""`python -m benchmarks`: every benchmark, as a table with the goals beside what was measured.

A full run writes the tables into docs/benchmarks.md as well. Wrong answers end it; a missed goal
does not, because times are not for gates: what must hold is tested by counted work in
tests/benchmarks.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from benchmarks import (
    analysis,
    compiling,
    hostile,
    mutation,
    reading,
    replaying,
    serving,
    sizes,
    startup,
)
from benchmarks.document import write_document
from benchmarks.oracle import VARIABLE, interpreter
from benchmarks.pairing import FULL, QUICK
from benchmarks.results import as_text
from benchmarks.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.results import Row

BENCHES: dict[str, tuple[str, Callable[[Setting], Iterator[Row]]]] = {
    "analysis": ("Whole traces of about ten events", analysis.whole_traces),
    "events": ("Every event as it comes", analysis.event_by_event),
    "rules": ("Many rules", sizes.many_rules),
    "length": ("Long traces", sizes.long_traces),
    "append": ("One more event", sizes.one_more_event),
    "chain": ("A chain of calls", sizes.call_chain),
    "memory": ("What a monitor keeps", sizes.memory),
    "compile": ("Compiling", compiling.compiling),
    "cache": ("From the cache", compiling.from_cache),
    "reading": ("Reading traces", reading.reading),
    "replay": ("Replaying recorded sessions", replaying.replaying),
    "serving": ("Served over HTTP", serving.serving),
    "startup": ("Whole processes", startup.processes),
    "patterns": ("Hostile regular expressions", hostile.hostile_patterns),
    "mutation": ("Mutation", mutation.thousand_mutants),
}
"""Each benchmark by name: its title and the function that runs it."""


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=list(BENCHES),
        help=f"run this one; may be repeated ({', '.join(BENCHES)})",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds, for CI")
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
    setting = Setting(QUICK if options.quick else FULL, interpreter(options.oracle))
    if setting.oracle is None:
        print("without invariant-ai: `make oracle` sets it up", file=sys.stderr)
    results: dict[str, list[Row]] = {}
    for name in options.only or BENCHES:
        title, bench = BENCHES[name]
        print(f"{name} ...", file=sys.stderr, flush=True)
        results[name] = list(bench(setting))
        if not options.json:
            print(as_text(title, results[name]), flush=True)
    if options.json:
        shown = {name: [row.to_dict() for row in rows] for name, rows in results.items()}
        print(json.dumps(shown, indent=1))
    if not options.quick and not options.only:
        write_document({BENCHES[name][0]: rows for name, rows in results.items()}, setting)


if __name__ == "__main__":
    main()
