"""Results as snapshots of syrupy, in a project that only uses the fixture."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import policyc
from policyc.snapshots import VerdictSnapshotExtension

if TYPE_CHECKING:
    from pathlib import Path

TEST = '''\
import policyc

TRACE = [{"role": "user", "content": "WORD"}]


def test_verdict(verdict_snapshot):
    policy = policyc.Policy.from_string("""raise "a word [risk=low]" if:
    (m: Message)
    "one" in m.content
""", path="/somewhere/words.inv")
    result = policy.analyze(TRACE)
    assert result == verdict_snapshot
    assert (result, TRACE) == verdict_snapshot(name="with events")
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "test_words.py").write_text(TEST.replace("WORD", "one"), "utf-8")
    return tmp_path


def pytest_in(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )


def test_a_result_is_written_compared_and_a_change_is_shown(project: Path) -> None:
    assert pytest_in(project).returncode == 1
    assert pytest_in(project, "--snapshot-update").returncode == 0
    assert pytest_in(project).returncode == 0
    folder = project / "__snapshots__" / "test_words"
    plain, named = sorted(folder.iterdir())
    assert (plain.name, named.name) == (
        "test_verdict.verdict.yaml",
        "test_verdict[with events].verdict.yaml",
    )
    assert plain.read_text("utf-8") == (
        "blocked: true\n"
        "violations:\n"
        '  - rule: "a word"\n'
        '    risk: "low"\n'
        "    places:\n"
        '      - "0"\n'
        '      - "0.content:0-3"\n'
        "errors: []\n"
    )
    assert '      "0.content:0-3": "one"\n' in named.read_text("utf-8")
    (project / "test_words.py").write_text(TEST.replace("WORD", "two"), "utf-8")
    changed = pytest_in(project)
    assert changed.returncode == 1
    assert "blocked: false" in changed.stdout and "blocked: true" in changed.stdout


def test_what_is_no_result_is_refused() -> None:
    for data in ({"a": 1}, [policyc.AnalysisResult()], "text"):
        with pytest.raises(TypeError, match="takes the result of an analysis"):
            VerdictSnapshotExtension().serialize(data)


def test_without_syrupy_the_rest_works_and_the_fixture_says_what_to_install(project: Path) -> None:
    (project / "conftest.py").write_text("import sys\nsys.modules['syrupy'] = None\n", "utf-8")
    (project / "test_rest.py").write_text(
        "import policyc.snapshots\n\n\n"
        "def test_rest():\n"
        "    assert set(policyc.snapshots.__all__) <= set(dir(policyc.snapshots))\n"
        "    assert policyc.snapshots.compare\n",
        "utf-8",
    )
    result = pytest_in(project, "-p", "no:syrupy")
    assert "snapshots of results need syrupy: `pip install 'policyc[syrupy]'`" in result.stdout
    assert "1 passed, 1 error" in result.stdout


def test_every_public_name_is_there() -> None:
    for name in policyc.snapshots.__all__:
        assert getattr(policyc.snapshots, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute `nothing`"):
        _ = policyc.snapshots.nothing
