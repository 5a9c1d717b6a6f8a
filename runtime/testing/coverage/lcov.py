"""Coverage as an lcov trace file: what genhtml, editors and coverage services read.

Rules are functions, with the number of runs in which they fired. Each other point is a block with
two branches: it came out true, and false. A line was hit as often as the point on it that was
reached most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar.printable import printable
from policyc.runtime.testing.coverage.findings import by_line
from policyc.runtime.testing.coverage.points import Kind

if TYPE_CHECKING:
    from policyc.runtime.testing.coverage.coverage import Coverage, FileCoverage


def render_lcov(coverage: Coverage) -> str:
    """The records of all files."""
    return "".join(_record(file) for file in coverage.files)


def _record(file: FileCoverage) -> str:
    lines = by_line(file)
    functions, calls, branches, hits = [], [], [], []
    for number, found in lines.items():
        for block, (point, counts) in enumerate(found):
            if point.kind is Kind.RULE:
                # A comma would end the name, and digits before it would be the last line.
                name = printable(point.text).replace(",", ";")
                functions.append(f"FN:{number},rule: {name}")
                calls.append(f"FNDA:{counts.true},rule: {name}")
                continue
            for branch, times in enumerate((counts.true, counts.false)):
                taken = str(times) if counts.reached else "-"
                branches.append((f"BRDA:{number},{block},{branch},{taken}", times))
        hits.append((number, max(counts.reached for _, counts in found)))
    rules = [counts for found in lines.values() for p, counts in found if p.kind is Kind.RULE]
    record = [
        "TN:",
        f"SF:{printable(file.file.source.name)}",
        *functions,
        *calls,
        f"FNF:{len(rules)}",
        f"FNH:{sum(counts.true > 0 for counts in rules)}",
        *(line for line, _ in branches),
        f"BRF:{len(branches)}",
        f"BRH:{sum(times > 0 for _, times in branches)}",
        *(f"DA:{number},{times}" for number, times in hits),
        f"LF:{len(hits)}",
        f"LH:{sum(times > 0 for _, times in hits)}",
        "end_of_record",
    ]
    return "".join(f"{line}\n" for line in record)
