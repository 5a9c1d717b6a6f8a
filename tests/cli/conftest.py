"""Running the command line in this process, in an empty folder, 80 columns wide, no colour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from click.testing import CliRunner, Result

from policyc.cli.app import root

if TYPE_CHECKING:
    from pathlib import Path

BANANA_POLICY = """\
raise "a banana [risk=low]" if:
    (m: Message)
    "banana" in m.content
"""

BANANA_TRACE = [
    {"role": "user", "content": "What is yellow?"},
    {"role": "assistant", "content": "A banana. Or two bananas."},
]


class Run(Protocol):
    """Runs `policyc` with arguments, and the text of its standard input."""

    def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> Result: ...


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for compiled policies: most tests use the same one."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("POLICYC_CACHE_DIR", str(cache))
    for name in ("NO_COLOR", "POLICYC_DEBUG", "POLICYC_NO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run() -> Run:
    def run_with(*arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(root, arguments, input=stdin)

    return run_with


@pytest.fixture
def policy(folder: Path) -> str:
    """The name of a policy that reports each message with `banana` in it."""
    (folder / "banana.inv").write_text(BANANA_POLICY, "utf-8")
    return "banana.inv"


@pytest.fixture
def trace(folder: Path) -> str:
    """The name of a trace with two bananas."""
    return write_trace(folder / "trace.json", BANANA_TRACE).name


def write_trace(path: Path, events: Any) -> Path:
    path.write_text(json.dumps(events), "utf-8")
    return path
