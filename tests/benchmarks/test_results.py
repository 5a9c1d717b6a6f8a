"""Rows, tables and the document that holds them."""

from __future__ import annotations

import pytest
from benchmarks.document import BEGIN, DOCUMENT, END, with_tables
from benchmarks.results import Row, Unit, as_markdown, as_text, duration, shown


@pytest.mark.parametrize(
    ("measured", "more_is_better", "verdict"),
    [
        (1.0, False, "stretch"),
        (1.5, False, "met"),
        (2.5, False, "missed"),
        (2.5, True, "stretch"),
        (1.2, True, "missed"),
    ],
)
def test_the_verdict(measured: float, more_is_better: bool, verdict: str) -> None:
    goal, stretch = (1.5, 2.0) if more_is_better else (2.0, 1.4)
    row = Row("x", measured, goal=goal, stretch=stretch, more_is_better=more_is_better)
    assert row.verdict == verdict


def test_without_a_goal_there_is_no_verdict() -> None:
    assert Row("x", 3.0).verdict == ""
    assert Row("x", 3.0).to_dict()["verdict"] is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.0, "x", "x1"),
        (1.2345, "x", "x1.23"),
        (36712.4, "x", "x36 700"),
        (0.4321, "us", "0.432 us"),
        (999.9, "ms", "1e+03 ms"),
    ],
)
def test_three_digits_are_shown(value: float, unit: Unit, text: str) -> None:
    assert shown(value, unit) == text


def test_durations_have_the_unit_that_suits() -> None:
    assert [duration(x) for x in (2.5e-7, 0.0042, 7.25)] == ["0.25 us", "4.2 ms", "7.25 s"]


ROWS = [
    Row("P1: to the floor", 1.5, goal=2.0, stretch=1.4, note="1 us"),
    Row("`(a|b)+`", 12.0, "ms"),
]


def test_a_table_for_a_terminal() -> None:
    assert as_text("Title", ROWS) == (
        "Title\n"
        "  what              measured  goal   stretch  verdict  times\n"
        "  P1: to the floor  x1.5      <= x2  <= x1.4  met      1 us\n"
        "  `(a|b)+`          12 ms\n"
    )


def test_a_table_for_the_documentation() -> None:
    assert as_markdown("Title", ROWS) == (
        "### Title\n\n"
        "| what | measured | goal | stretch | verdict | times |\n"
        "|---|---|---|---|---|---|\n"
        "| P1: to the floor | x1.5 | <= x2 | <= x1.4 | met | 1 us |\n"
        "| `(a\\|b)+` | 12 ms |  |  |  |  |\n"
    )


def test_new_tables_take_the_place_of_old_ones() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = with_tables(text, {"Title": ROWS}, "Measured today.")
    assert once.startswith(f"before\n{BEGIN}\n\nMeasured today.\n\n### Title\n")
    assert once.endswith(f"{END}\nafter\n")
    assert "old" not in once
    assert with_tables(once, {"Title": ROWS}, "Measured today.") == once


def test_the_document_has_a_place_for_them() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)
