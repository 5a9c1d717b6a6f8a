"""The evaluation of detectors: it runs, and counts right."""

from __future__ import annotations

import ast
import dataclasses
import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from benchmarks.detectors import latency, latency_texts, sets, speed
from benchmarks.detectors.__main__ import EVALUATIONS, main
from benchmarks.detectors.evaluation import NO, YES, Evaluation, Item, each, figures

from policyc.runtime.detectors import secrets

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


def test_texts_for_latency_are_the_same_each_time_and_what_they_say() -> None:
    texts = latency_texts.samples()
    assert texts == latency_texts.samples()
    assert {one.kind for one in texts} == set(latency_texts.KINDS)
    for one in texts:
        assert 1 <= one.kib < 2
        if one.kind == "code":
            ast.parse(one.text)
        if one.kind == "JSON":
            json.loads(one.text)
    assert not any(secrets.detect(one.text) for one in texts if not one.has_findings)
    found = [one for one in texts if one.has_findings and secrets.detect(one.text)]
    assert len(found) * 2 > sum(one.has_findings for one in texts)


@pytest.mark.parametrize("contest", latency.CONTESTS, ids=lambda contest: contest.detector)
def test_the_latency_of_every_detector_is_measured(contest: latency.Contest) -> None:
    alone = dataclasses.replace(contest, others=())
    (row,) = latency.timings(alone, None, rounds=1)
    assert (row.by, row.ratio, row.goal) == ("policyc", None, contest.goal)
    assert row.milliseconds > 0
    assert row.slowest_kind in contest.kinds
    assert f"| {contest.detector} | policyc |" in latency.as_text([row])


def test_others_are_measured_beside_policyc_or_left_out_where_they_are_missing() -> None:
    shell = next(one for one in latency.CONTESTS if one.detector == "shell")
    own, other = latency.timings(dataclasses.replace(shell, others=("shlex",)), None, rounds=1)
    assert (own.ratio, other.by, other.goal) == (None, "shlex", None)
    assert other.ratio is not None
    assert other.ratio > 0
    with ExitStack() as stack:
        nowhere = latency.start("invariant-ai", "secrets", [], [Path(sys.executable)], stack)
        assert nowhere is None
