"""`policyc test --snapshot`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

POLICY = """\
raise "a banana [risk=low]" if:
    (m: Message)
    input.word in m.content
"""
MORE = """
raise "an apple" if:
    (m: Message)
    "apple" in m.content
"""
TOKEN = "ghp_" + "aB3" * 12


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    (folder / "fruit.inv").write_text(POLICY, "utf-8")
    (folder / "traces").mkdir()
    for name, text in [("one", "a banana"), ("two", "an apple")]:
        trace = [{"role": "user", "content": text}]
        (folder / "traces" / f"{name}.json").write_text(json.dumps(trace), "utf-8")


ASKED = ("test", "fruit.inv", "--snapshot", "traces", "--param", "word=banana")


def test_the_first_time_verdicts_are_recorded_beside_the_traces(run: Run, folder: Path) -> None:
    first = run(*ASKED)
    assert first.exit_code == 0
    assert "2 traces: 2 new" in first.stdout
    assert "the snapshots are written" in first.stdout
    assert "blocked: true" in (folder / "traces" / "one.json.verdict.yaml").read_text("utf-8")
    again = run(*ASKED)
    assert again.exit_code == 0
    assert again.stdout == "2 traces: 2 same\n"


def test_a_flip_fails_and_is_recorded_on_demand_only(run: Run, folder: Path) -> None:
    run(*ASKED)
    (folder / "fruit.inv").write_text(POLICY + MORE, "utf-8")
    changed = run(*ASKED)
    assert changed.exit_code == 1
    assert "two.json: changed\n  rule `an apple`: newly fires" in changed.stdout
    assert "--update" in changed.stderr
    assert run(*ASKED).exit_code == 1
    assert run(*ASKED, "--update").exit_code == 0
    assert run(*ASKED).exit_code == 0


def test_where_nothing_can_be_kept_new_snapshots_are_a_failure(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(*ASKED)
    assert result.exit_code == 1
    assert not list(folder.rglob("*.verdict.yaml"))


def test_traces_may_be_elsewhere(run: Run, folder: Path) -> None:
    result = run(*ASKED[:2], "--snapshot", "verdicts", "--traces", "traces", "--param", "word=x")
    assert result.exit_code == 0
    assert len(list((folder / "verdicts").iterdir())) == 2


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_report_as_json_is_the_same_with_any_number_of_workers(
    run: Run, folder: Path, workers: str
) -> None:
    run(*ASKED)
    (folder / "fruit.inv").write_text(POLICY + MORE, "utf-8")
    result = run(*ASKED, "--format", "json", "-n", workers, "--report", "text:out/report.txt")
    report = json.loads(result.stdout)
    assert (report["passed"], report["traces"], report["counts"]["changed"]) == (False, 2, 1)
    assert report["results"][0]["flips"][0]["change"] == "newly_fires"
    assert "2 traces: 1 same, 1 changed" in (folder / "out/report.txt").read_text("utf-8")


def test_a_trace_that_cannot_be_read_is_bad_input(run: Run, folder: Path) -> None:
    run(*ASKED)
    (folder / "traces" / "one.json").write_text("[", "utf-8")
    result = run(*ASKED)
    assert result.exit_code == 2
    assert "one.json: unreadable" in result.stdout


def test_credentials_are_masked(run: Run, folder: Path) -> None:
    (folder / "fruit.inv").write_text(
        'raise Violation("a token", m.content) if:\n    (m: Message)\n    "ghp" in m.content\n'
        f'    "{TOKEN}" in m.content\n',
        "utf-8",
    )
    trace = [{"role": "user", "content": f"my {TOKEN}"}]
    (folder / "traces" / "one.json").write_text(json.dumps(trace), "utf-8")
    result = run(*ASKED[:4])
    text = (folder / "traces" / "one.json.verdict.yaml").read_text("utf-8")
    assert "ghp_****" in text
    assert TOKEN[4:] not in text + result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--snapshot", "traces", "--tag", "x"), "--tag is for cases, and --snapshot runs none"),
        (("--snapshot", "traces", "--watch"), "--watch is for cases"),
        (("--update",), "--update is for snapshots: it needs --snapshot DIR"),
        (("--param", "word=x"), "--param is for snapshots"),
        (("--snapshot", "traces", "--format", "junit"), "no report of snapshots in the form junit"),
        (("--snapshot", "traces", "--report", "tap:x"), "no report of snapshots in the form tap"),
        (("--snapshot", "nowhere"), "there is no folder `nowhere`"),
        (("--snapshot", "traces", "--traces", "nowhere"), "there is no file or folder `nowhere`"),
        (("--snapshot", "traces", "--traces", "-"), "a trace needs a name for its snapshot"),
    ],
)
def test_what_does_not_fit_is_refused(run: Run, options: tuple[str, ...], message: str) -> None:
    result = run("test", "fruit.inv", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
