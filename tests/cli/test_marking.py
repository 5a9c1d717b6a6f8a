"""Marked characters as rows: lines, windows of long lines, wide and invisible characters."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.cli.marking import first_line, rows, windows
from policyc.cli.terminal import Terminal
from policyc.grammar.printable import display_width

PLAIN = Terminal(io.StringIO(), color=False, width=80)
COLOURED = Terminal(io.StringIO(), color=True, width=80)


def shown(text: str, *spans: tuple[int, int], room: int = 40) -> list[str]:
    found = []
    for window in windows(text, spans, room):
        line, carets = rows(text, window, PLAIN)
        found += [line] if carets is None else [line, carets]
    return found


def test_carets_stand_below_the_marked_characters() -> None:
    assert shown("one two three two", (4, 7), (14, 17)) == [
        "one two three two",
        "    ^^^       ^^^",
    ]


def test_only_lines_with_a_mark_are_shown() -> None:
    assert shown("one\ntwo\nthree", (4, 7)) == ["two", "^^^"]


def test_a_mark_over_several_lines_is_shown_on_each() -> None:
    assert shown("one\ntwo\nthree", (2, 10)) == ["one", "  ^", "two", "^^^", "three", "^^"]


def test_a_long_line_becomes_windows_around_its_marks() -> None:
    text = "." * 100 + "first" + "." * 100 + "second" + "." * 100
    assert shown(text, (100, 105), (205, 211), room=30) == [
        "..." + "." * 7 + "first" + "." * 12 + "...",
        "   " + " " * 7 + "^" * 5,
        "..." + "." * 7 + "second" + "." * 11 + "...",
        "   " + " " * 7 + "^" * 6,
    ]


def test_wide_combining_and_invisible_characters_keep_the_carets_in_place() -> None:
    assert shown("日本 e\u0301 \x1b x", (8, 9)) == ["日本 e\u0301 \\x1b x", " " * 12 + "^"]
    assert shown("日本", (1, 2)) == ["日本", "  ^^"]
    assert shown("\tx", (1, 2)) == ["    x", "    ^"]


def test_an_empty_mark_has_one_caret() -> None:
    assert shown("abc", (3, 3)) == ["abc", "   ^"]


def test_where_there_is_colour_the_characters_are_highlighted_instead() -> None:
    (window,) = windows("one two", [(4, 7)], 40)
    assert rows("one two", window, COLOURED) == ("one \x1b[1;7;31mtwo\x1b[0m", None)


@pytest.mark.parametrize(
    ("text", "room", "line"),
    [("short", 20, "short"), ("one\ntwo", 20, "one..."), ("x" * 50, 20, "x" * 17 + "...")],
)
def test_the_first_line_of_a_text_without_marks(text: str, room: int, line: str) -> None:
    assert rows(text, first_line(text, room), PLAIN) == (line, None)


@given(
    st.text(alphabet="ab \n\t日\x1b\u0301", max_size=300),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), min_size=1, max_size=5),
    st.integers(16, 60),
)
def test_every_mark_is_shown_and_no_row_is_too_wide(
    text: str, places: list[tuple[int, int]], room: int
) -> None:
    spans = [(min(a, len(text)), min(a + n, len(text))) for a, n in places]
    found = list(windows(text, spans, room))
    seen = {at for window in found for at in range(window.start, window.end)}
    for start, _ in spans:
        assert start in seen or start == len(text) or text[start] == "\n"
    for window in found:
        line, carets = rows(text, window, PLAIN)
        assert display_width(line) <= room
        assert carets is not None
        assert len(carets) <= room + 1
