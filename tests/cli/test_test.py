"""`policyc test`: which cases it runs, what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from junitparser import JUnitXml
from tests.cli.conftest import BANANA_POLICY

from policyc import policies
from policyc.cli import exits

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion
    from tests.cli.conftest import Run

CASES = """\
cases:
  - name: a banana
    tags: [fruit, yellow]
    trace: [{user: What is yellow?}, {assistant: A banana.}]
    violations: [{rule: a banana, risk: low, marked: banana}]
  - name: an apple
    tags: fruit
    trace: [{user: an apple}]
    no_violations: true
  - name: a stone
    trace: [{user: a stone}]
    no_violations: true
"""


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def cases(folder: Path, policy: str) -> Path:
    """A policy with three cases that hold."""
    path = folder / f"{policy.removesuffix('.inv')}.cases.yaml"
    path.write_text(CASES, "utf-8")
    return path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def names(text: str) -> list[str]:
    """The cases that a JSON report has."""
    return [case["name"] for file in json.loads(text)["files"] for case in file["cases"]]


# --- how it ends ----------------------------------------------------------------------------------


def test_cases_that_hold_end_with_0(run: Run, cases: Path) -> None:
    result = run("test")
    assert result.stdout == f"{cases.name}: 3 passed\n3 passed\n"
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_case_that_does_not_hold_ends_with_1_and_all_about_it(
    run: Run, cases: Path, text_snapshot: SnapshotAssertion
) -> None:
    change(cases, "an apple}", "a banana in a bowl}")
    change(cases, "risk: low", "risk: high")
    change(cases, "a stone}]\n    no_violations: true", "a stone}]\n    violations: [a banana]")
    result = run("test")
    assert result.exit_code == 1
    assert result.stdout == text_snapshot


def test_each_other_way_to_fail(
    run: Run, folder: Path, cases: Path, text_snapshot: SnapshotAssertion
) -> None:
    (folder / "banana.inv").write_text(
        BANANA_POLICY + '\nraise "no" if:\n    (m: Message)\n    int(m.content) == input.x\n',
        "utf-8",
    )
    cases.write_text(
        """\
params: {x: 1}
cases:
  - name: the wrong event, and a rule that fails
    trace: [{tools: [a, b]}, {user: hi, label: hi}, {assistant: banana, label: fruit}]
    at: fruit
  - name: no error
    past: [{user: banana}]
    pending: [{user: "2"}]
    error: {rule: "no", text: missing}
    violations: [{rule: a banana, ranges: ["0", "0.content:0-6"]}]
  - name: later
    skip: not yet
    trace: []
    no_violations: true
""",
        "utf-8",
    )
    result = run("test", "-v")
    assert result.exit_code == 1
    assert result.stdout == text_snapshot


def test_all_mistakes_of_a_case_file_end_with_2_and_the_others_are_run(
    run: Run, folder: Path, cases: Path, text_snapshot: SnapshotAssertion
) -> None:
    (folder / "other.cases.yaml").write_text(
        """\
policy: banana.inv
cases:
  - name: a banana
    trace: [{usr: banana}]
    violatons: []
    violations: [{rule: a bananna}]
""",
        "utf-8",
    )
    result = run("test")
    assert result.exit_code == 2
    assert result.stderr == text_snapshot
    assert result.stdout.splitlines() == [
        f"{cases.name}: 3 passed",
        "other.cases.yaml: cannot be used",
        "1 case file cannot be used, 3 passed",
    ]


def test_a_policy_with_errors_refuses_its_cases(run: Run, folder: Path, cases: Path) -> None:
    (folder / "banana.inv").write_text('raise "x" if:\n    (m: Mesage)\n', "utf-8")
    result = run("test")
    assert result.exit_code == 2
    assert "error[E0302]" in result.stderr
    assert "did you mean `Message`?" in result.stderr
    assert result.stdout == f"{cases.name}: cannot be used\n1 case file cannot be used\n"


def test_a_fault_of_policyc_itself_ends_with_3(
    run: Run, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del cases
    monkeypatch.setattr("policyc.runtime.testing.workers._START_SECONDS", 0.0)
    result = run("test")
    assert result.exit_code == 3
    assert "no process came up in which the case could be run" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "there is no file or folder `nowhere`"),
        (("empty",), "there are no case files in `empty`"),
        (("trace.json",), "`trace.json` is neither a case file nor a policy"),
        (("policy:secret",), "there is no bundled policy of this name, did you mean `secrets`?"),
        (("--tag", "fruits"), "no case has the tag `fruits`"),
        (("-k", "pear"), "no case was run: none was chosen"),
        (("--report", "xml:a"), "`xml:a` is not FORM:PATH"),
        (("--report", "junit"), "`junit` is not FORM:PATH"),
        (("-n", "0"), "`0` is not a number from 1, or auto"),
        (("--timeout", "0"), "0.0 is not in the range x>0"),
        (("--report", "tap:empty"), "cannot write `empty`: is a directory"),
    ],
)
def test_misuse_ends_with_2(
    run: Run, folder: Path, cases: Path, trace: str, arguments: tuple[str, ...], message: str
) -> None:
    del cases, trace
    (folder / "empty").mkdir()
    result = run("test", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_run_that_skips_everything_is_no_success(run: Run, cases: Path) -> None:
    cases.write_text("cases: [{name: a, trace: [], no_violations: true, skip: later}]\n", "utf-8")
    result = run("test")
    assert result.exit_code == 2
    assert "no case was run: all that were chosen are skipped" in result.stderr
    assert "skipped: a (later)" in result.stdout


# --- what is run ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["a banana", "an apple", "a stone"]),
        (("-k", "AN"), ["a banana", "an apple"]),
        (("-k", "apple", "-k", "stone"), ["an apple", "a stone"]),
        (("--tag", "fruit"), ["a banana", "an apple"]),
        (("--tag", "fruit", "-k", "apple"), ["an apple"]),
        (("--tag", "yellow", "--tag", "fruit"), ["a banana", "an apple"]),
    ],
)
def test_cases_are_chosen_by_name_and_tag(
    run: Run, cases: Path, arguments: tuple[str, ...], expected: list[str]
) -> None:
    del cases
    result = run("test", "--format", "json", *arguments)
    assert names(result.stdout) == expected
    assert json.loads(result.stdout)["summary"]["left_out"] == 3 - len(expected)


@pytest.mark.parametrize("argument", [".", "banana.inv", "banana.cases.yaml", "../{}"])
def test_files_are_found(run: Run, folder: Path, cases: Path, argument: str) -> None:
    del cases
    result = run("test", argument.format(folder.name), argument.format(folder.name))
    assert result.exit_code == 0
    assert result.stdout.endswith("\n3 passed\n")


def test_bundled_policies_have_cases_that_hold(run: Run) -> None:
    result = run("test", *(f"policy:{name}" for name in policies.names()))
    assert result.exit_code == 0
    assert f"policy:{policies.names()[0]}: " in result.stdout


def test_only_leaves_all_others_out_and_fails_on_a_server(
    run: Run, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(cases, "    tags: fruit\n", "    only: true\n")
    result = run("test")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 passed, 2 not run")
    monkeypatch.setenv("CI", "true")
    result = run("test")
    assert result.exit_code == 1
    assert "`only` of the case `an apple` leaves all other cases out" in result.stdout
    assert run("test", "--allow-only").exit_code == 0
    monkeypatch.delenv("CI")
    assert run("test", "--forbid-only").exit_code == 1


def test_policies_without_cases_are_told_and_fail_if_they_must_have_some(
    run: Run, folder: Path, cases: Path
) -> None:
    del cases
    (folder / "other.inv").write_text(BANANA_POLICY, "utf-8")
    result = run("test")
    assert result.exit_code == 0
    assert result.stderr == "warning: the policy `other.inv` has no cases\n"
    result = run("test", "--require-cases")
    assert (result.exit_code, result.stderr) == (1, "")
    assert "failed: the policy `other.inv` has no cases\n --> other.inv:1" in result.stdout
    result = run("test", "other.inv", "--require-cases")
    assert result.exit_code == 1


def test_what_failed_last_is_run_again(run: Run, cases: Path) -> None:
    assert "nothing is known of an earlier run" in run("test", "--last-failed").stderr
    result = run("test", "--last-failed")
    assert "no case failed last: all cases are run" in result.stderr
    change(cases, "{user: an apple}", "{user: banana}")
    assert run("test").exit_code == 1
    result = run("test", "--last-failed", "--format", "json")
    assert (names(result.stdout), result.exit_code) == (["an apple"], 1)
    assert names(run("test", "-k", "stone", "--format", "json").stdout) == ["a stone"]
    change(cases, "{user: banana}", "{user: an apple}")
    result = run("test", "--last-failed", "--format", "json")
    assert (names(result.stdout), result.exit_code) == (["an apple"], 0)
    assert "no case failed last" in run("test", "--last-failed").stderr


def test_it_stops_at_the_first_failure_if_so_asked(run: Run, cases: Path) -> None:
    change(cases, "risk: low", "risk: high")
    result = run("test", "-x", "--format", "json")
    assert (names(result.stdout), result.exit_code) == (["a banana"], 1)


# --- what is printed ------------------------------------------------------------------------------


def test_reports_are_written_beside_what_is_printed(run: Run, folder: Path, cases: Path) -> None:
    change(cases, "risk: low", "risk: high")
    forms = ("text", "json", "junit", "sarif", "github", "tap")
    options = [part for form in forms for part in ("--report", f"{form}:out/{form}.txt")]
    result = run("test", *options)
    assert result.exit_code == 1
    for form in forms[1:]:
        assert (folder / "out" / f"{form}.txt").read_text("utf-8") == run(
            "test", "--format", form
        ).stdout
    text = (folder / "out" / "text.txt").read_text("utf-8")
    assert "failed: a banana\n" in text
    assert JUnitXml.fromfile(str(folder / "out" / "junit.txt")).failures == 1


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github", "tap"])
def test_the_number_of_workers_does_not_show(run: Run, cases: Path, form: str) -> None:
    change(cases, "{user: an apple}", "{user: banana}")
    told = {run("test", "--format", form, "-n", str(workers)).stdout for workers in (1, 2, 4)}
    assert len(told) == 1


def test_annotations_can_follow_the_results(run: Run, cases: Path) -> None:
    change(cases, "risk: low", "risk: high")
    lines = run("test", "--report", "github:-").stdout.splitlines()
    assert lines[-2] == "1 failed, 2 passed"
    assert lines[-1].startswith("::error file=banana.cases.yaml,line=2,title=a banana::")


def test_a_long_trace_is_shown_where_it_is_marked(run: Run, cases: Path) -> None:
    events = ", ".join("{user: hi}" for _ in range(30))
    cases.write_text(
        f"cases: [{{name: a, trace: [{events}, {{user: a banana}}], no_violations: true}}]\n",
        "utf-8",
    )
    result = run("test")
    assert "(of 31 parts of the trace those with marks)" in result.stdout
    assert "30 | message of the user" in result.stdout
    assert "29 | message of the user" not in result.stdout


def test_the_schema(run: Run) -> None:
    schema = json.loads(run("test", "--schema").stdout)
    assert schema["properties"]["cases"]["description"] == "The cases."


# --- as a process ---------------------------------------------------------------------------------


def test_watching_runs_again_what_a_change_touches(folder: Path, cases: Path) -> None:
    (folder / "other.inv").write_text(BANANA_POLICY, "utf-8")
    (folder / "other.cases.yaml").write_text(CASES, "utf-8")
    command = [sys.executable, "-u", "-m", "policyc", "test", "--watch"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509
    )
    try:
        assert _lines_until(process, "watching") == [
            "banana.cases.yaml: 3 passed",
            "other.cases.yaml: 3 passed",
            "6 passed",
        ]
        change(folder / "other.inv", '"banana" in', '"apple" in')
        lines = _lines_until(process, "watching")
        assert lines[0] == "other.cases.yaml: 2 failed, 1 passed"
        assert not any(line.startswith("banana.cases.yaml") for line in lines)
        change(cases, "no_violations: true", "no_violation: true")
        lines = _lines_until(process, "watching")
        assert "banana.cases.yaml: cannot be used" in lines
        cases.unlink()
        (folder / "new.cases.yaml").write_text(f"policy: banana.inv\n{CASES}", "utf-8")
        assert _lines_until(process, "watching")[0] == "new.cases.yaml: 3 passed"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == exits.INTERRUPTED
    finally:
        process.kill()
        process.communicate()


def _heed_ctrl_c() -> None:
    """Shells start what runs in the background with the signal ignored, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _lines_until(process: subprocess.Popen[str], start: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    end = time.monotonic() + 60
    while time.monotonic() < end:
        line = process.stdout.readline()
        if not line or line.startswith(start):
            assert line, lines
            return lines
        lines.append(line.rstrip("\n"))
    raise AssertionError(lines)


def test_ctrl_c_ends_a_run_and_its_workers(folder: Path, cases: Path) -> None:
    events = ", ".join("{user: hi}" for _ in range(400))
    (folder / "banana.inv").write_text(
        'raise "slow" if:\n    (a: Message)\n    (b: Message)\n    (c: Message)\n    (d: Message)\n'
        '    a.content + b.content + c.content + d.content == "never"\n',
        "utf-8",
    )
    cases.write_text(
        f"cases: [{{name: a, trace: [{events}], no_violations: true, timeout: 60}}]\n", "utf-8"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "policyc", "test"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509
    )
    try:
        end = time.monotonic() + 60
        while not _children(process.pid) and time.monotonic() < end:
            time.sleep(0.05)
        children = _children(process.pid)
        assert children
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == exits.INTERRUPTED
        assert "Traceback" not in errors
        assert not any(os.path.exists(f"/proc/{child}") for child in children)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _children(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return file.read().split()
    except OSError:
        return []
