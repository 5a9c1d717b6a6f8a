"""`policyc fmt`: in place, as a check, as a difference, and through standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion
    from tests.cli.conftest import Run

UGLY = """\
# why: bananas
raise 'a banana' if:
  (m: Message)
  'banana'   in m.content   # anywhere
"""

PRETTY = """\
# why: bananas
raise "a banana" if:
    (m: Message)
    "banana" in m.content  # anywhere
"""

BROKEN = 'raise "x" if\n'


@pytest.fixture
def ugly(folder: Path) -> Path:
    path = folder / "ugly.inv"
    path.write_text(UGLY, "utf-8")
    return path


def test_a_policy_is_formatted_in_place(run: Run, ugly: Path) -> None:
    result = run("fmt", "ugly.inv")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 policy changed\n"
    assert ugly.read_text("utf-8") == PRETTY
    assert run("fmt", "ugly.inv").stderr == "1 policy left as is\n"


def test_a_check_lists_the_files_and_changes_nothing(run: Run, ugly: Path, policy: str) -> None:
    result = run("fmt", "--check", ".")
    assert (result.exit_code, result.stdout) == (1, "./ugly.inv\n")
    assert result.stderr == "1 policy not formatted, 1 policy formatted\n"
    assert ugly.read_text("utf-8") == UGLY
    assert run("fmt", "--check", policy).exit_code == 0


def test_a_difference_is_shown_and_nothing_changed(
    run: Run, ugly: Path, text_snapshot: SnapshotAssertion
) -> None:
    result = run("fmt", "--diff", "ugly.inv")
    assert result.exit_code == 1
    assert result.stdout == text_snapshot
    assert ugly.read_text("utf-8") == UGLY


def test_from_standard_input_to_standard_output(run: Run) -> None:
    result = run("fmt", "-", stdin=UGLY)
    assert (result.exit_code, result.stdout, result.stderr) == (0, PRETTY, "")


def test_a_check_of_standard_input(run: Run) -> None:
    assert run("fmt", "--check", "-", stdin=UGLY).exit_code == 1
    assert run("fmt", "--check", "-", stdin=PRETTY).exit_code == 0


def test_a_broken_policy_is_told_and_left_and_the_others_are_formatted(
    run: Run, ugly: Path, folder: Path
) -> None:
    (folder / "broken.inv").write_text(BROKEN, "utf-8")
    result = run("fmt", ".")
    assert result.exit_code == 2
    assert "broken.inv:1" in result.stderr
    assert "1 policy changed, 1 policy with errors" in result.stderr
    assert (folder / "broken.inv").read_text("utf-8") == BROKEN
    assert ugly.read_text("utf-8") == PRETTY


def test_windows_line_ends_become_plain_ones(run: Run, ugly: Path) -> None:
    ugly.write_bytes(UGLY.replace("\n", "\r\n").encode())
    assert run("fmt", "ugly.inv").exit_code == 0
    assert ugly.read_bytes() == PRETTY.encode()


def test_bundled_policies_are_not_formatted(run: Run) -> None:
    result = run("fmt", "policy:secrets")
    assert result.exit_code == 2
    assert "`policy:secrets` is a bundled policy" in result.stderr
