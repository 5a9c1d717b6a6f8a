"""Every benchmark on tiny sizes: what it compares agrees, and it gives rows that make sense."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import pytest
from benchmarks import __main__ as program
from benchmarks import hostile
from benchmarks.pairing import Effort
from benchmarks.setting import Setting, WrongAnswer, agree

if TYPE_CHECKING:
    from benchmarks.results import Row

TINY = Setting(Effort(rounds=1, sample=1e-5, budget=1e-3, is_quick=True))


@pytest.mark.parametrize("name", program.BENCHES)
def test_a_benchmark_finds_what_it_should(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "PATTERNS", hostile.PATTERNS[:2])
    _, bench = program.BENCHES[name]
    rows = list(bench(TINY))
    assert rows
    assert len({row.what for row in rows}) == len(rows)
    assert all(isfinite(row.measured) and row.measured > 0 for row in rows)


def test_a_pattern_that_is_refused_blocks() -> None:
    refused = [row for row in _only_pattern(r"(a+)+\1b") if "refused" in row.note]
    assert len(refused) == 1


def _only_pattern(pattern: str) -> list[Row]:
    with pytest.MonkeyPatch.context() as patch:
        kept = tuple(entry for entry in hostile.PATTERNS if entry[0] == pattern)
        patch.setattr(hostile, "PATTERNS", kept)
        return list(hostile.hostile_patterns(TINY))


def test_contenders_that_disagree_end_the_run() -> None:
    agree("the same", floor=[1, 2], policyc=[1, 2])
    with pytest.raises(WrongAnswer, match=r"P3: floor: \[1, 2\]; policyc: \[1, 3\]"):
        agree("P3", floor=[1, 2], policyc=[1, 3])


def test_a_quick_run_of_one_prints_its_table_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "QUICK", TINY.effort)
    monkeypatch.setattr(program, "interpreter", lambda _: None)
    monkeypatch.setattr(program, "write_document", lambda *_: pytest.fail("it wrote"))
    program.main(["--quick", "--only", "chain"])
    printed = capsys.readouterr()
    assert printed.out.startswith("A chain of calls\n  what ")
    assert "351 violations" in printed.out
    assert "without invariant-ai" in printed.err
