"""The evaluation of detectors: it runs, and counts right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from benchmarks.detectors import sets, speed
from benchmarks.detectors.__main__ import EVALUATIONS, main
from benchmarks.detectors.evaluation import NO, YES, Evaluation, Item, each, figures

if TYPE_CHECKING:
    from pathlib import Path

HANGING = 20
"""Seconds after which an expression counts as hanging; no measure of speed."""


def test_what_is_counted() -> None:
    items = [Item("ab", frozenset({"a", "b"})), Item("c", NO), Item("d", frozenset({"d"}))]
    engine = each("letters", lambda item: frozenset(item.text) - {"b"} if item.text != "d" else NO)
    (row,) = figures(Evaluation("x", {"open": items}, [engine]))
    assert (row.hits, row.misses, row.false) == (1, 2, 1)
    assert (row.precision, row.recall) == (0.5, pytest.approx(1 / 3))
    empty = figures(Evaluation("x", {"open": [Item("a", NO)]}, [each("none", lambda _: NO)]))
    assert (empty[0].precision, empty[0].recall) == (None, None)
    assert YES != NO


@pytest.mark.parametrize("name", EVALUATIONS)
def test_policyc_is_evaluated_without_anything_else(name: str) -> None:
    evaluation = EVALUATIONS[name](None)
    rows = figures(evaluation)
    assert {row.part for row in rows} == set(evaluation.parts)
    own = [row for row in rows if row.engine == "policyc"]
    assert all(row.precision is not None and row.precision >= 0.95 for row in own)


def test_a_run_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--only", "unicode", "--json"])
    (row,) = [
        row for row in json.loads(capsys.readouterr().out)["unicode"] if row["engine"] == "policyc"
    ] or pytest.fail("no row of policyc")
    assert row["items"] > 60
    assert row["recall"] == 1


def test_the_sets_are_large_enough(tmp_path: Path) -> None:
    root = sets.make_root(tmp_path)
    for items in (
        [*sets.secret_items("open"), *sets.secret_items("held_out")],
        [*sets.injection_items("open"), *sets.injection_items("held_out")],
        [*sets.link_items("open"), *sets.link_items("held_out")],
        [*sets.path_items("open", root), *sets.path_items("held_out", root)],
    ):
        assert len(items) >= 300


def test_no_part_of_a_set_is_in_the_other(tmp_path: Path) -> None:
    for name in ("attacks", "benign"):
        both = [sets.table(sets.INJECTION, part)[name] for part in sets.PARTS]
        assert not set(both[0]) & set(both[1])
    formats = [sets.table(sets.SECRETS, part)["formats"] for part in sets.PARTS]
    assert not set(formats[0]) & set(formats[1])


@pytest.mark.parametrize("piece", speed.HOSTILE, ids=ascii)
def test_no_expression_hangs_on_hostile_texts(piece: str) -> None:
    text = speed.hostile_text(piece, 16_384)
    for name, use in speed.expressions():
        started = speed.process_time()
        use(text)
        assert speed.process_time() - started < HANGING, name


@pytest.mark.parametrize("row", speed.detectors(), ids=lambda row: row.name)
def test_no_detector_hangs_on_hostile_texts(row: speed.Signature) -> None:
    for piece in speed.HOSTILE:
        assert speed.seconds(row, speed.hostile_text(piece, 16_384)) < HANGING, piece


@pytest.mark.parametrize("row", speed.detectors(), ids=lambda row: row.name)
def test_a_megabyte_goes_through_every_detector(row: speed.Signature) -> None:
    assert speed.seconds(row, speed.everyday_text()) < HANGING
