"""`policyc check`: which policies it looks at, its four forms, and its exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion
    from tests.cli.conftest import Run

MISTAKES = """\
raise "mail" if:
    (c: ToolCal)
    c is tool:send_email

raise "again" if:
    (m: Message)
    m.contnt == "x"
"""

WARNING = """\
from invariant.detectors import secrets

raise "x" if:
    (m: Message)
    m.content == "x"
"""


@pytest.fixture
def bad(folder: Path) -> str:
    (folder / "bad.inv").write_text(MISTAKES, "utf-8")
    return "bad.inv"


@pytest.fixture
def warned(folder: Path) -> str:
    (folder / "warned.inv").write_text(WARNING, "utf-8")
    return "warned.inv"


def test_all_mistakes_of_a_policy_are_shown_and_end_with_2(
    run: Run, bad: str, text_snapshot: SnapshotAssertion
) -> None:
    result = run("check", bad)
    assert result.exit_code == 2
    assert result.stdout == text_snapshot
    assert result.stderr == "2 errors in 1 policy\n"


def test_a_good_policy_ends_with_0_and_says_so_on_standard_error(run: Run, policy: str) -> None:
    result = run("check", policy)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no problems in 1 policy\n"


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 2)])
def test_warnings_fail_only_when_asked(
    run: Run, warned: str, strict: tuple[str, ...], code: int
) -> None:
    result = run("check", warned, *strict)
    assert result.exit_code == code
    assert "warning[W0701]" in result.stdout
    assert result.stderr == "1 warning in 1 policy\n"
    told = json.loads(run("check", warned, *strict, "--format", "json").stdout)
    assert told["ok"] is (code == 0)


def test_the_json_form(run: Run, bad: str, policy: str) -> None:
    result = run("check", bad, policy, "--format", "json")
    assert (result.exit_code, result.stderr) == (2, "")
    told = json.loads(result.stdout)
    assert told["ok"] is False
    first = told["diagnostics"][0]
    assert first | {"message": "", "help": ""} == {
        "code": "E0302",
        "severity": "error",
        "message": "",
        "help": "",
        "path": "bad.inv",
        "line": 2,
        "column": 6,
        "end_line": 2,
        "end_column": 16,
    }
    assert [d["code"] for d in told["diagnostics"]] == ["E0302", "E0404"]
    assert json.loads(run("check", policy, "--format", "json").stdout) == {
        "diagnostics": [],
        "ok": True,
    }


def test_the_sarif_form_points_at_the_lines(run: Run, bad: str) -> None:
    log = json.loads(run("check", bad, "--format", "sarif").stdout)
    results = log["runs"][0]["results"]
    assert log["version"] == "2.1.0"
    assert [r["ruleId"] for r in results] == ["E0302", "E0404"]
    lines = [r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in results]
    assert lines == [2, 7]


def test_the_github_form_has_a_command_a_line(run: Run, bad: str) -> None:
    lines = run("check", bad, "--format", "github").stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 2
    assert all("file=bad.inv" in line for line in lines)


def test_colour_when_asked(run: Run, bad: str) -> None:
    assert "\x1b[" in run("check", bad, "--color").stdout
    assert "\x1b[" in run("--color", "check", bad).stdout
    assert "\x1b[" not in run("--color", "check", bad, "--no-color").output


def test_a_folder_is_searched_for_every_kind_of_policy_file(run: Run, folder: Path) -> None:
    for name in ("a.inv", "b/c.gr", "b/d.iv", "b/e/f.policy", ".git/g.inv", "b/notes.txt"):
        path = folder / "rules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MISTAKES, "utf-8")
    told = json.loads(run("check", "rules", "--format", "json").stdout)
    paths = dict.fromkeys(d["path"] for d in told["diagnostics"])
    assert list(paths) == ["rules/a.inv", "rules/b/c.gr", "rules/b/d.iv", "rules/b/e/f.policy"]


def test_a_policy_that_is_given_twice_is_checked_once(run: Run, policy: str) -> None:
    assert run("check", policy, ".", policy).stderr == "no problems in 2 policies\n"


def test_standard_input_and_bundled_policies(run: Run) -> None:
    result = run("check", "-", "policy:secrets", stdin=MISTAKES)
    assert result.exit_code == 2
    assert "--> <stdin>:2:6" in result.stdout
    assert result.stderr == "2 errors in 2 policies\n"


def test_a_file_that_is_no_text_is_a_diagnostic_among_the_others(
    run: Run, folder: Path, bad: str
) -> None:
    (folder / "latin.inv").write_bytes("# Überfall\n".encode("latin-1"))
    told = json.loads(run("check", "latin.inv", bad, "--format", "json").stdout)
    first = told["diagnostics"][0]
    assert (first["path"], first["line"], first["column"]) == ("latin.inv", 1, 3)
    assert "UTF-8" in first["help"]
    assert len(told["diagnostics"]) == 3


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("none.inv", "there is no file or folder `none.inv`"),
        ("policy:secret", "did you mean `secrets`?"),
        ("empty", "there are no policies in the folder `empty`"),
    ],
)
def test_what_is_not_there_is_named(run: Run, folder: Path, argument: str, message: str) -> None:
    (folder / "empty").mkdir()
    result = run("check", argument)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
