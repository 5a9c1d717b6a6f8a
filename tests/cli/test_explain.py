"""`policyc explain`: a page, the list of codes, and codes that do not exist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from policyc.grammar.catalog import CODES, page

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion
    from tests.cli.conftest import Run


def test_a_page_is_shown_without_its_markup(run: Run, text_snapshot: SnapshotAssertion) -> None:
    result = run("explain", "E0301")
    assert result.exit_code == 0
    assert result.stdout == text_snapshot


@pytest.mark.parametrize("spelling", ["e0301", "unknown-name", "Unknown-Name"])
def test_a_code_is_found_in_any_case_and_by_its_name(run: Run, spelling: str) -> None:
    assert run("explain", spelling).stdout == run("explain", "E0301").stdout


def test_the_json_form(run: Run) -> None:
    assert json.loads(run("explain", "E0301", "--format", "json").stdout) == {
        "code": "E0301",
        "name": "unknown-name",
        "severity": "error",
        "title": CODES["E0301"].title,
        "page": page("E0301"),
    }


def test_the_list_has_every_code(run: Run) -> None:
    lines = run("explain", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(CODES)
    told = json.loads(run("explain", "--list", "--format", "json").stdout)
    assert [row["code"] for row in told["codes"]] == list(CODES)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("E0310", "did you mean `E0"),
        ("unknown-nam", "did you mean `unknown-name`?"),
        ("xyz", "`policyc explain --list` shows all codes"),
    ],
)
def test_an_unknown_code_is_refused_with_a_hint(run: Run, code: str, hint: str) -> None:
    result = run("explain", code)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"there is no code `{code}`" in result.stderr
    assert hint in result.stderr


@pytest.mark.parametrize("code", CODES)
def test_every_page_is_rendered_within_the_width(run: Run, code: str) -> None:
    result = run("explain", code)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{code}: ")
    prose = [line for line in result.stdout.splitlines() if not line.startswith("    ")]
    assert max(map(len, prose)) <= 80
    assert not any(line.startswith(("#", "```")) for line in prose)
