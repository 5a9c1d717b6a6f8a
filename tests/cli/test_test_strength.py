"""`policyc test --coverage`, `--mutate` and what belongs to them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.cli.conftest import Run

    from policyc.runtime.testing.mutation.hunt import Hunt, Target

POLICY = """\
raise "a banana [risk=low]" if:
    (m: Message)
    m.role == "user" or m.role == "assistant"
    "banana" in m.content

raise "an apple" if:
    (m: Message)
    "apple" in m.content
"""
CASES = """\
cases:
  - name: a banana
    trace: [{user: a banana}]
    violations: [{rule: a banana}]
  - name: a stone
    trace: [{assistant: a stone}]
    no_violations: true
"""


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    (folder / "fruit.inv").write_text(POLICY, "utf-8")
    (folder / "fruit.cases.yaml").write_text(CASES, "utf-8")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_coverage_is_shown_beside_the_source(run: Run, workers: str) -> None:
    result = run("test", "--coverage", "-n", workers)

    assert result.exit_code == 0
    assert "2 passed" in result.stdout
    assert "1 of 2 rules fired" in result.stdout
    assert '"apple" in m.content' in result.stdout


def test_coverage_below_the_minimum_fails(run: Run) -> None:
    result = run("test", "--min-coverage", "90")

    assert result.exit_code == 1
    assert "coverage is below 90 %: 50 % of the rules (1 of 2)" in result.stderr
    assert run("test", "--min-coverage", "50").exit_code == 0


def test_coverage_as_files(run: Run, folder: Path) -> None:
    forms = {"html": "<!doctype html>", "lcov": "TN:", "cobertura": "<?xml", "text": "fruit.inv"}
    reports = [f"--coverage-report={form}:out/{form}" for form in (*forms, "json")]

    assert run("test", *reports).exit_code == 0
    for form, start in forms.items():
        text = (folder / "out" / form).read_text("utf-8")
        assert text.lower().startswith(start.lower()), form
    told = json.loads((folder / "out" / "json").read_text("utf-8"))
    assert told["total"]["rules"] == {"seen": 1, "total": 2, "percent": 50.0}
    assert set(told["files"]) == {"fruit.inv"}


def test_other_forms_of_results_stay_alone(run: Run) -> None:
    result = run("test", "--coverage", "--format", "json")

    assert json.loads(result.stdout)
    assert "1 of 2 rules fired" in result.stderr


def test_changes_that_no_case_notices_are_shown(run: Run) -> None:
    result = run("test", "--mutate")

    assert result.exit_code == 0
    assert "fruit.inv:3: side-dropped survived" in result.stdout
    assert "missing: no case where" in result.stdout
    assert "rule-removed" in result.stdout


def test_a_mutation_score_below_the_minimum_fails(run: Run, folder: Path) -> None:
    result = run("test", "--min-mutation-score", "99", "--mutation-report", "json:mutants.json")

    assert result.exit_code == 1
    assert "below 99 %" in result.stderr
    told = json.loads((folder / "mutants.json").read_text("utf-8"))
    assert told["policies"][0]["path"] == "fruit.inv"
    assert run("test", "--min-mutation-score", "1").exit_code == 0


def test_a_score_of_nothing_is_below_any_minimum(run: Run, folder: Path) -> None:
    (folder / "fruit.inv").write_text("# no rule yet\n", "utf-8")
    text = "cases:\n  - name: a stone\n    trace: [{user: a stone}]\n    no_violations: true\n"
    (folder / "fruit.cases.yaml").write_text(text, "utf-8")
    result = run("test", "--min-mutation-score", "90")

    assert result.exit_code == 1
    assert "there is no mutation score" in result.stderr


def test_failing_cases_are_not_tried_on_changes(run: Run, folder: Path) -> None:
    path = folder / "fruit.cases.yaml"
    path.write_text(CASES.replace("a stone}", "a banana}"), "utf-8")
    result = run("test", "--mutate")

    assert result.exit_code == 1
    assert "all cases have to hold first" in result.stderr


def test_only_rules_that_changed_since_a_revision(run: Run, folder: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "fruit")
    (folder / "fruit.inv").write_text(POLICY.replace('"apple" in', '"apples" in'), "utf-8")
    result = run("test", "--mutate", "--since", "HEAD")

    assert result.exit_code == 0
    assert "fruit.inv:8:" in result.stdout
    assert "fruit.inv:3:" not in result.stdout
    assert run("test", "--mutate", "--since", "nothing").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "HEAD"], "--since chooses what --mutate changes"),
        (["--watch", "--coverage"], "whole runs"),
        (["--coverage-report", "pdf:x"], "is not FORM:PATH"),
        (["--mutation-report", "html:x"], "is not FORM:PATH"),
    ],
)
def test_options_that_do_not_fit(run: Run, arguments: list[str], message: str) -> None:
    result = run("test", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_mutant_is_tried_first_on_cases_in_which_its_rule_fires(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most mutants do not get past the first of them, and the others may be many."""
    quiet = "  - name: quiet\n    trace: [{user: a stone}]\n    no_violations: true\n"
    loud = "  - name: loud\n    trace: [{user: a banana}]\n    violations: [{rule: a banana}]\n"
    (folder / "fruit.cases.yaml").write_text(f"cases:\n{quiet}{loud}", "utf-8")
    asked: list[Target] = []

    def noted(targets: Sequence[Target], *_: Any, **__: Any) -> tuple[Hunt, ...]:
        asked.extend(targets)
        return ()

    monkeypatch.setattr("policyc.runtime.testing.case_mutation.hunt", noted)
    run("test", "--mutate")
    (target,) = asked
    orders = {
        mutant.line: target.reach[mutant.id]
        for mutant in target.found.mutants
        if mutant.kind == "rule-removed"
    }
    assert orders == {1: ["loud", "quiet"], 6: ["quiet", "loud"]}
