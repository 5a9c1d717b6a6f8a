"""The labelled set of shell commands, and what its evaluation counts."""

from __future__ import annotations

import json
import re

from benchmarks.detectors import shell
from tests.docs.pages import ROOT

from policyc.runtime.detectors.shell.risks.registry import KINDS


def test_the_set_is_large_sound_and_apart() -> None:
    parts = {part: shell.items(part) for part in shell.PARTS}
    commands = [item.command for found in parts.values() for item in found]
    assert len(commands) == len(set(commands)) > 1_000
    assert len(parts["held_out"]) >= len(commands) / 5
    for item in (item for found in parts.values() for item in found):
        assert item.label in ("hostile", "notable", "harmless")
        assert item.kinds <= {*KINDS, shell.UNDECIDABLE}
        assert bool(item.kinds) is (item.label != "harmless")
        assert item.label != "notable" or item.kinds <= shell.NOTABLE
    rows = (shell.FOLDER / "shell.jsonl").read_text("utf-8").splitlines()
    assert len({json.loads(row)["id"] for row in rows}) == len(rows)


def test_the_reader_stops_every_hostile_command_of_the_open_part_and_no_harmless_one() -> None:
    figures = shell.evaluate("reader", shell.reader, "open")
    assert (figures.stopped, figures.false_alarms) == (figures.hostile, 0)
    assert figures.notable_named == figures.notable
    assert figures.named >= figures.hostile - 1


def test_figures_of_the_held_out_part_are_as_the_page_says() -> None:
    figures = shell.evaluate("reader", shell.reader, "held_out")
    row = f"| policyc shell() | held_out | {figures.precision:.3f} | {figures.recall:.3f} "
    assert row in (ROOT / "docs" / "detectors" / "shell.md").read_text("utf-8")


def test_every_candidate_is_judged_by_the_same_counts() -> None:
    def all_of_them(_: str) -> frozenset[str]:
        return frozenset({"destructive-delete"})

    figures = shell.evaluate("all", all_of_them, "held_out")
    assert figures.stopped == figures.hostile
    assert figures.false_alarms == figures.harmless
    assert figures.precision < 0.8 < figures.recall
    assert len(shell.one_kib()) == 1024
    assert {"policyc shell()", "bundled policies", "shlex + names"} <= set(shell.candidates())


def test_the_page_names_every_kind_of_risk() -> None:
    page = (ROOT / "docs" / "detectors" / "shell.md").read_text("utf-8")
    table = page.partition("## Risks")[2].partition("##")[0]
    assert dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", table, flags=re.M)) == KINDS
