"""Coverage as an lcov trace file, and what lcov's own programs read in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.runtime.testing.coverage.examples import MAIL, QUIET, TRACES, example
from tests.runtime.testing.coverage.seeing import coverage
from tests.traces import user

from policyc.runtime.testing.coverage.coverage import Coverage
from policyc.runtime.testing.coverage.lcov import render_lcov

if TYPE_CHECKING:
    from pathlib import Path


def test_a_record_has_rules_outcomes_and_lines() -> None:
    found = coverage(QUIET, [user("word"), user("none")], [user("none")], path="p.inv")
    assert render_lcov(found).splitlines() == [
        "TN:",
        "SF:p.inv",
        "FN:1,rule: a word",
        "FNDA:1,rule: a word",
        "FNF:1",
        "FNH:1",
        "BRDA:3,0,0,1",
        "BRDA:3,0,1,2",
        "BRF:2",
        "BRH:2",
        "DA:1,2",
        "DA:3,3",
        "LF:2",
        "LH:2",
        "end_of_record",
    ]


def test_what_was_never_reached_was_not_taken() -> None:
    assert "BRDA:3,0,0,-\nBRDA:3,0,1,-\n" in render_lcov(coverage(QUIET, path="p.inv"))


def test_a_name_with_commas_is_one_name() -> None:
    source = 'raise "1, 2, three" if:\n    (m: Message)\n'
    assert "FN:1,rule: 1; 2; three\n" in render_lcov(coverage(source, path="p.inv"))


def test_there_is_a_record_for_each_file() -> None:
    found = render_lcov(example())
    assert re.findall("^SF:(.*)$", found, re.MULTILINE) == [
        "policies/cut.inv",
        "policies/full.inv",
        "policies/mail.inv",
        "unrun.inv",
    ]
    assert found.count("end_of_record\n") == 4
    assert render_lcov(Coverage()) == ""


@pytest.mark.skipif(shutil.which("genhtml") is None, reason="the programs of lcov are not there")
def test_genhtml_and_lcov_read_it(tmp_path: Path) -> None:
    found = coverage(MAIL, *TRACES, path="policies/mail.inv")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mail.inv").write_text(MAIL, "utf-8")
    (tmp_path / "policy.info").write_text(render_lcov(found), "utf-8")
    made = subprocess.run(
        ["genhtml", "--branch-coverage", "--output-directory", "html", "policy.info"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    summary = found.summary
    assert f"({summary.rules.seen} of {summary.rules.total} functions)" in made.stdout
    assert f"({summary.outcomes.seen} of {summary.outcomes.total} branches)" in made.stdout
    page = (tmp_path / "html" / "policies" / "mail.inv.gcov.html").read_text("utf-8")
    assert "password" in page
