"""Snapshots of a corpus: what is recorded, what is told later, and what is never touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import policyc
from policyc.runtime.testing.snapshots import SnapshotReport, snapshot_path
from policyc.runtime.testing.verdicts import from_yaml
from policyc.snapshots import SnapshotStatus, compare, record

if TYPE_CHECKING:
    from pathlib import Path


def rule(word: str, name: str = "a word") -> str:
    return f'raise "{name}" if:\n    (m: Message)\n    "{word}" in m.content\n'


def policy(text: str) -> policyc.Policy:
    return policyc.Policy.from_string(text, "words.inv")


def said(*words: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": word} for word in words]


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """Two files with a trace and one with two."""
    folder = tmp_path / "traces"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(said("one")), "utf-8")
    (folder / "deep" / "b.json").write_text(json.dumps(said("two")), "utf-8")
    lines = [json.dumps(said("one", "two")), json.dumps(said("three"))]
    (folder / "c.jsonl").write_text("\n".join(lines), "utf-8")
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "verdicts"


ALL = ["a.json", "c.jsonl:1", "c.jsonl:2", "deep/b.json"]
FILES = ["a.json", "c.jsonl/1", "c.jsonl/2", "deep/b.json"]


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def told(report: SnapshotReport) -> list[tuple[str, str]]:
    return [(result.trace, result.status.value) for result in report.results]


def test_there_is_a_file_for_each_trace_and_the_same_verdicts_pass(
    traces: Path, kept: Path
) -> None:
    report = record(policy(rule("one")), traces, kept)
    assert report.passed and told(report) == [(name, "new") for name in ALL]
    written = files(kept)
    assert list(written) == [f"{name}.verdict.yaml" for name in FILES]
    assert written["c.jsonl/1.verdict.yaml"] == (
        'trace: "c.jsonl:1"\n'
        "blocked: true\n"
        "violations:\n"
        '  - rule: "a word"\n'
        "    places:\n"
        '      "0": "message of the user"\n'
        '      "0.content:0-3": "one"\n'
        "errors: []\n"
    )
    for again in (compare, record):
        report = again(policy(rule("one")), str(traces), str(kept))
        assert (report.passed, report.results, report.traces) == (True, [], 4)
        assert str(report) == "4 traces: 4 same"
    assert files(kept) == written


def test_a_changed_verdict_fails_and_shows_its_flips(traces: Path, kept: Path) -> None:
    record(policy(rule("one")), traces, kept)
    before = files(kept)
    report = compare(policy(rule("two")), traces, kept)
    assert not report.passed and files(kept) == before
    assert told(report) == [(name, "changed") for name in ("a.json", "c.jsonl:1", "deep/b.json")]
    assert [[(x.rule, x.change.value) for x in r.flips] for r in report.results] == [
        [("a word", "no_longer_fires")],
        [("a word", "changed")],
        [("a word", "newly_fires")],
    ]
    middle = report.results[1]
    assert [x["places"] for x in middle.flips[0].removed] == [
        {"0": "message of the user", "0.content:0-3": "one"}
    ]
    assert [x["places"] for x in middle.flips[0].added] == [
        {"1": "message of the user", "1.content:0-3": "two"}
    ]
    assert str(report.results[0]) == (
        "a.json: changed\n"
        "  rule `a word`: no longer fires\n"
        "    @@ -1,8 +1,4 @@\n"
        '     trace: "a.json"\n'
        "    -blocked: true\n"
        "    -violations:\n"
        '    -  - rule: "a word"\n'
        "    -    places:\n"
        '    -      "0": "message of the user"\n'
        '    -      "0.content:0-3": "one"\n'
        "    +blocked: false\n"
        "    +violations: []\n"
        "     errors: []"
    )
    assert str(report).endswith("\n\n4 traces: 1 same, 3 changed")
    recorded = record(policy(rule("two")), traces, kept)
    assert recorded.passed and told(recorded) == told(report)
    assert compare(policy(rule("two")), traces, kept).passed


def test_a_rule_that_fails_is_a_flip(traces: Path, kept: Path) -> None:
    record(policy(rule("three")), traces, kept)
    failing = 'raise "a word" if:\n    (m: Message)\n    m.content == "three"\n    m.content > 5\n'
    (result,) = compare(policy(failing), traces, kept).results
    assert [(x.change.value) for x in result.flips] == ["no_longer_fires", "newly_fails"]


def test_parameters_are_given_to_the_policy(traces: Path, kept: Path) -> None:
    asking = policy('raise "x" if:\n    (m: Message)\n    m.content == input.word\n')
    record(asking, traces, kept, {"word": "one"})
    assert compare(asking, traces, kept, {"word": "one"}).passed
    assert not compare(asking, traces, kept, {"word": "two"}).passed


def test_a_new_trace_fails_until_it_is_recorded(traces: Path, kept: Path) -> None:
    record(policy(rule("one")), traces, kept)
    (traces / "z.json").write_text(json.dumps(said("one")), "utf-8")
    report = compare(policy(rule("one")), traces, kept)
    assert (report.passed, told(report)) == (False, [("z.json", "new")])
    assert str(report.results[0]).splitlines()[:3] == [
        "z.json: new",
        '    +trace: "z.json"',
        "    +blocked: true",
    ]
    assert record(policy(rule("one")), traces, kept).passed
    assert compare(policy(rule("one")), traces, kept).passed


def test_stale_snapshots_are_told_and_removed_by_recording(traces: Path, kept: Path) -> None:
    record(policy(rule("one")), traces, kept)
    (kept / "notes.yaml").write_text("mine", "utf-8")
    (traces / "deep" / "b.json").unlink()
    (traces / "c.jsonl").write_text(json.dumps(said("one", "two")) + "\n\n" + "[]", "utf-8")
    report = compare(policy(rule("one")), traces, kept)
    assert told(report) == [("c.jsonl:3", "new"), ("c.jsonl/2", "stale"), ("deep/b.json", "stale")]
    assert report.traces == 3
    record(policy(rule("one")), traces, kept)
    assert list(files(kept)) == [
        "a.json.verdict.yaml",
        "c.jsonl/1.verdict.yaml",
        "c.jsonl/3.verdict.yaml",
        "notes.yaml",
    ]
    assert not (kept / "deep").exists()
    only_stale = kept / "gone.json.verdict.yaml"
    only_stale.write_text("blocked: false\nviolations: []\nerrors: []\n", "utf-8")
    report = compare(policy(rule("one")), traces, kept)
    assert (report.passed, told(report)) == (True, [("gone.json", "stale")])


def test_a_part_of_the_corpus_does_not_make_the_rest_stale(traces: Path, kept: Path) -> None:
    record(policy(rule("one")), traces, kept)
    before = files(kept)
    report = record(policy(rule("one")), [traces / "a.json", traces / "c.jsonl"], kept)
    assert (report.results, report.traces) == ([], 3)
    assert files(kept) == before
    (traces / "c.jsonl").write_text(json.dumps(said("one", "two")) + "\n[]\n[]", "utf-8")
    report = record(policy(rule("one")), traces / "c.jsonl", kept)
    assert told(report) == [("c.jsonl:3", "new")]
    (traces / "c.jsonl").write_text(json.dumps(said("one", "two")), "utf-8")
    report = record(policy(rule("one")), traces / "c.jsonl", kept)
    assert told(report) == [
        ("c.jsonl", "new"),
        *((f"c.jsonl/{number}", "stale") for number in (1, 2, 3)),
    ]
    assert list(files(kept)) == [f"{x}.verdict.yaml" for x in ("a.json", "c.jsonl", "deep/b.json")]


def test_a_trace_that_cannot_be_read_fails_and_keeps_every_snapshot(
    traces: Path, kept: Path
) -> None:
    record(policy(rule("one")), traces, kept)
    before = files(kept)
    (traces / "c.jsonl").write_text("[", "utf-8")
    report = record(policy(rule("one")), traces, kept)
    assert not report.passed and files(kept) == before
    assert told(report) == [
        ("c.jsonl", "unreadable"),
        ("c.jsonl/1", "stale"),
        ("c.jsonl/2", "stale"),
    ]
    assert "line 1, column 2 is no JSON" in str(report.results[0])


@pytest.mark.parametrize("damage", [b"<<<<<<< ours\n", b"\xff", b"blocked: maybe\n"])
def test_a_damaged_snapshot_fails_and_is_written_anew(
    traces: Path, kept: Path, damage: bytes
) -> None:
    record(policy(rule("one")), traces, kept)
    before = files(kept)
    (kept / "a.json.verdict.yaml").write_bytes(damage)
    report = compare(policy(rule("one")), traces, kept)
    assert (report.passed, told(report)) == (False, [("a.json", "damaged")])
    assert report.results[0].problem
    assert record(policy(rule("one")), traces, kept).passed
    assert files(kept) == before


def test_how_a_snapshot_is_written_does_not_matter(traces: Path, kept: Path) -> None:
    record(policy(rule("one")), traces, kept)
    path = kept / "a.json.verdict.yaml"
    lines = path.read_text("utf-8").replace('"a word"', "a word").splitlines()
    path.write_bytes("\r\n".join(["# looked at", "", *lines]).encode())
    assert compare(policy(rule("one")), traces, kept).passed
    data = from_yaml(path.read_text("utf-8"))
    assert data["violations"][0]["rule"] == "a word"


def test_names_of_traces_do_not_depend_on_where_the_corpus_is(
    traces: Path, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(policy(rule("one")), traces, kept)
    monkeypatch.chdir(traces)
    for name in (".", "../traces", f"{tmp_path}/traces/"):
        report = compare(policy(rule("one")), name, kept)
        assert (report.passed, report.results) == (True, [])
    assert str(tmp_path) not in "".join(files(kept).values())


def test_two_traces_of_one_name_and_no_traces_are_refused(
    traces: Path, kept: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.json").write_text("[]", "utf-8")
    with pytest.raises(policyc.PolicycError, match=r"two traces are called `a\.json`"):
        record(policy(rule("one")), [traces, tmp_path / "other"], kept)
    (tmp_path / "empty").mkdir()
    with pytest.raises(policyc.PolicycError, match="there are no traces in"):
        record(policy(rule("one")), tmp_path / "empty", kept)


def test_several_processes_record_the_same(traces: Path, kept: Path, tmp_path: Path) -> None:
    lines = [json.dumps(said("one" * (number % 3), "x" * 3000)) for number in range(400)]
    (traces / "many.jsonl").write_text("\n".join(lines), "utf-8")
    done: list[int] = []
    record(policy(rule("one")), traces, kept)
    report = compare(policy(rule("one")), traces, kept, workers=2, on_progress=done.append)
    assert (report.passed, report.traces, sum(done)) == (True, 404, 404)
    assert len(done) > 2
    changed = policy(rule("oneone"))
    reports = [compare(changed, traces, kept, workers=number) for number in (1, 2)]
    assert str(reports[0]) == str(reports[1])
    assert reports[0].counts[SnapshotStatus.CHANGED] == 268


def test_the_report_as_json(traces: Path, kept: Path) -> None:
    record(policy(rule("one")), traces, kept)
    shown = compare(policy(rule("two")), traces, kept).to_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert {name: shown[name] for name in ("passed", "recorded", "traces")} == {
        "passed": False,
        "recorded": False,
        "traces": 4,
    }
    assert shown["counts"]["changed"] == 3
    assert shown["results"][0]["trace"] == "a.json"
    assert shown["results"][0]["flips"][0]["change"] == "no_longer_fires"


def test_nothing_of_a_trace_steers_the_terminal(traces: Path, kept: Path) -> None:
    (traces / "\x1b[2J.json").write_text(json.dumps(said("one \x1b[31m\u202e")), "utf-8")
    report = compare(policy(rule("one")), traces, kept)
    assert not set(str(report)) & {"\x1b", "\u202e"}


def test_places_of_snapshots(tmp_path: Path) -> None:
    names = {
        "a.json": "a.json",
        "x/all.jsonl:17": "x/all.jsonl/17",
        "all.json[3]": "all.json/3",
        "a:b.json": "a:b.json",
    }
    for trace, file in names.items():
        assert snapshot_path(tmp_path, trace) == tmp_path / f"{file}.verdict.yaml"
