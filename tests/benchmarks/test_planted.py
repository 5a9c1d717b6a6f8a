"""The corpus with planted flips: the same every time, and an engine without indexes agrees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.planted import DECOYS, NEW, OLD, PLANTS, main, make_sessions

import policyc
from policyc.runtime.replay.flips import compare
from policyc.runtime.replay.judging import Replay

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_same_sessions_every_time() -> None:
    assert list(make_sessions(50)) == list(make_sessions(50))
    assert list(make_sessions(50)) != list(make_sessions(50, seed=1))


def test_what_is_planted_flips_and_nothing_else() -> None:
    policies = [policyc.Policy.from_string(text, optimize=False) for text in (OLD, NEW)]
    replay = Replay.of(*policies, {})
    seen = set()
    for session in make_sessions(300, planted=0.5, decoys=0.8):
        found = compare(replay.pairs, *replay.decisions(session.trace))
        flips = [(replay.pairs[flip.pair].name, flip.change.value) for flip in found]
        assert sorted(flips) == sorted(session.flips)
        seen.add(session.flips)
    assert seen == {(), *(plant.flips for plant in PLANTS)}


def test_a_decoy_is_a_call_that_a_rule_looks_at() -> None:
    text = OLD + NEW
    for plant in (*PLANTS, *DECOYS):
        assert all(f"tool:{tool}" in text for tool, _ in plant.calls)
    assert all(plant.flips for plant in PLANTS) and not any(plant.flips for plant in DECOYS)


def test_the_command_writes_policies_sessions_and_what_flips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(tmp_path / "corpus"), "--traces", "200"])
    names = sorted(path.name for path in (tmp_path / "corpus").iterdir())
    assert names == ["new.inv", "old.inv", "planted.json", "sessions.jsonl"]
    planted = json.loads((tmp_path / "corpus" / "planted.json").read_text("utf-8"))
    expected = {
        str(line): [list(flip) for flip in session.flips]
        for line, session in enumerate(make_sessions(200), 1)
        if session.flips
    }
    assert planted == expected
    assert f"200 sessions in {tmp_path / 'corpus'}, {len(planted)} with" in capsys.readouterr().out
