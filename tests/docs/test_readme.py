"""The README: its blocks run as written, its links lead somewhere, its commands exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT, run_page

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"


def test_every_block_of_the_readme_does_what_it_says(tmp_path: Path) -> None:
    failures = run_page(README, tmp_path)
    assert not failures, "\n" + "\n".join(failures)


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)", README.read_text("utf-8"))
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert "\nmake test" in README.read_text("utf-8")
    assert "\nmake test" in (ROOT / ".ci" / "run").read_text("utf-8")
