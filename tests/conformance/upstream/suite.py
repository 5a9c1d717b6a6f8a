"""Runs the tests that invariant-ai's wheel ships, with policyc in its place.

They run in the environment of the oracle, in a process of their own and from a copy: one of them
reads a file that the wheel lacks. `run_suite` gives the outcome of each test by its name; `table`
the listed differences.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ADAPTER = "tests.conformance.upstream.adapter"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test: `passed`, `failed` or `skipped`, and the first line of why."""

    status: str
    detail: str = ""


def table() -> dict[str, list[dict[str, Any]]]:
    """`differences.toml`: the entries of `differs` and `skipped`."""
    return tomllib.loads((HERE / "differences.toml").read_text("utf-8"))


def is_named(test: str, names: list[str]) -> bool:
    """Whether a test is one of some names, a case of one, or inside one."""
    return any(test == name or test.startswith((f"{name}[", f"{name}::")) for name in names)


def run_suite(python: Path, folder: Path) -> dict[str, Outcome]:
    """Run the shipped tests from a copy in `folder`."""
    tests = folder / "analyzer"
    shutil.copytree(_shipped(python), tests, ignore=shutil.ignore_patterns("__pycache__"))
    (tests / "image_with_text_b64.txt").touch()
    report = folder / "report.xml"
    skipped = [name for entry in table()["skipped"] for name in entry["tests"]]
    command: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "-c",
        os.devnull,
        f"--rootdir={tests}",
        "-p",
        ADAPTER,
    ]
    command += ["-p", "no:cacheprovider", "-q", f"--junit-xml={report}", tests]
    command += [f"--ignore={tests / name}" for name in skipped if "::" not in name]
    command += [f"--deselect={name}" for name in skipped if "::" in name]
    environment = {**os.environ, "LOCAL_POLICY": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=tests,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if not report.exists():
        raise RuntimeError(f"the shipped tests did not run:\n{done.stdout}\n{done.stderr}")
    return dict(_outcome(case) for case in ET.parse(report).iter("testcase"))


def _shipped(python: Path) -> Path:
    where = "import invariant.tests.analyzer as x; print(list(x.__path__)[0])"
    done = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def _outcome(case: ET.Element) -> tuple[str, Outcome]:
    module, *classes = case.get("classname", "").split(".")
    name = "::".join([f"{module}.py", *classes, case.get("name", "")])
    for status in ("failure", "error", "skipped"):
        found = case.find(status)
        if found is not None:
            kind = "skipped" if status == "skipped" else "failed"
            return name, Outcome(kind, (found.get("message") or "").partition("\n")[0])
    return name, Outcome("passed")
