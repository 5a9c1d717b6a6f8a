"""Fuzz for a while: `python -m tests.fuzz.run --minutes 10`.

Every target in turn gets inputs that are made from numbers, so `--again target:number` repeats one.
Ends with 1 if something was found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUND = 50
"""Inputs of one target before it is the next one's turn."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--again", metavar="TARGET:NUMBER")
    options = parser.parse_args(arguments)
    if options.again:
        target, _, number = options.again.partition(":")
        TARGETS[target](int(number))
        return 0
    return fuzz(options.target or list(TARGETS), options.minutes * 60, options.first)


def fuzz(targets: Sequence[str], seconds: float, first: int) -> int:
    """Run inputs until the time is over; 1 if something was found."""
    kinds: Counter[str] = Counter()
    inputs: Counter[str] = Counter()
    spent = dict.fromkeys(targets, 0.0)
    end = time.monotonic() + seconds
    with Watch() as watch:
        while time.monotonic() < end:
            for target in targets:
                start = time.monotonic()
                for _ in range(ROUND):
                    found = watch.judge(target, first + inputs[target])
                    inputs[target] += 1
                    if found is not None:
                        kinds[f"{target}: {found.kind}"] += 1
                        if kinds[f"{target}: {found.kind}"] == 1:
                            print(found, flush=True)
                spent[target] += time.monotonic() - start
    for target in targets:
        rate = inputs[target] / (spent[target] or 1)
        print(f"{target}: {inputs[target]} inputs, {rate:.0f} a second")
    print(f"{sum(kinds.values())} findings of {len(kinds)} kinds")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
