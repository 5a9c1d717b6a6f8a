"""Coverage beside the source, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.runtime.testing.coverage.examples import HOSTILE, QUIET, example
from tests.runtime.testing.coverage.seeing import coverage
from tests.traces import user

from policyc.runtime.testing.coverage.coverage import Coverage
from policyc.runtime.testing.coverage.text import plain, render_table, render_text

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


def test_a_table_of_all_files(text_snapshot: SnapshotAssertion) -> None:
    assert plain(render_table(example())) == text_snapshot


def test_what_is_missing_under_its_lines(text_snapshot: SnapshotAssertion) -> None:
    assert plain(render_text(example())) == text_snapshot


def test_all_lines(text_snapshot: SnapshotAssertion) -> None:
    assert plain(render_text(example(), full=True)) == text_snapshot


def test_a_file_without_gaps_is_its_head() -> None:
    found = plain(render_text(coverage(QUIET, [user("word"), user("none")], path="p.inv")))
    assert found == "p.inv  1 of 1 rules fired, 2 of 2 outcomes seen (100 %)\n"


def test_one_file_needs_no_sum() -> None:
    found = plain(render_table(coverage(QUIET, [user("word")], path="p.inv")))
    assert found.splitlines() == [
        "policy        rules     outcomes",
        "p.inv   1/1 100.0 %  1/2  50.0 %",
    ]


def test_nothing_at_all() -> None:
    assert plain(render_text(Coverage())) == ""
    last = plain(render_table(Coverage())).splitlines()[-1]
    assert last.split() == ["all", "policies", *["0/0", "100.0", "%"] * 2]


def test_what_was_seen_is_told_in_the_style_of_what_it_means() -> None:
    lines = render_text(coverage(QUIET, [user("none")], path="p.inv"))
    styles = [[piece.style for piece in line if piece.style != "plain"] for line in lines]
    assert styles == [
        ["strong", "error", "warning"],
        ["warning", "quiet"],
        ["quiet", "warning"],
        ["quiet"],
        ["warning", "quiet"],
        ["quiet", "warning"],
    ]


def test_a_policy_cannot_move_the_cursor() -> None:
    text = plain(render_text(coverage(HOSTILE, [user()], path="a\x1b[2J.inv"), full=True))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.isascii() or all(char.isprintable() or char == "\n" for char in text)


def test_long_lines_are_cut_to_the_width() -> None:
    long = f'raise "x" if:\n    (m: Message)\n    m.content == "{"a" * 300}"\n'
    lines = plain(render_text(coverage(long, [user()], path="p.inv"), width=60)).splitlines()
    assert [line for line in lines[1:] if "│" in line and "a" * 10 in line]
    assert all(len(line) <= 90 for line in lines)
    assert max(len(line) for line in lines if "..." in line) <= 60
