"""The generated part of docs/benchmarks.md: the tables, and where and when they were measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.results import as_markdown

if TYPE_CHECKING:
    from benchmarks.results import Row
    from benchmarks.setting import Setting

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN = "<!-- measured: written by `python -m benchmarks` -->"
END = "<!-- end of what was measured -->"


def write_document(results: dict[str, list[Row]], setting: Setting) -> None:
    """Put the tables, by title, in the place of those of the last run."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(with_tables(text, results, conditions(setting)), encoding="utf-8")


def with_tables(text: str, results: dict[str, list[Row]], conditions: str) -> str:
    """The document with these tables between its markers."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = "\n".join(as_markdown(title, rows) for title, rows in results.items())
    return f"{before}{BEGIN}\n\n{conditions}\n\n{tables}\n{END}{after}"


def conditions(setting: Setting) -> str:
    """When, and on what machine."""
    today = datetime.now(UTC).date().isoformat()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    machine = f"{_processor()}, {os.cpu_count()} cores, {platform.system()}"
    peer = "with" if setting.oracle is not None else "without"
    return (
        f"Measured on {today} with {python} on {machine}, load {load:.1f};"
        f" {setting.effort.rounds} rounds, samples of at least"
        f" {setting.effort.sample * 1000:.0f} ms CPU time, {peer} invariant-ai."
    )


def _processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
