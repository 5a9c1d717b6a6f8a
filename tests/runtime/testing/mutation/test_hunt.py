"""The hunt: which mutants are killed, by which case; processes, time, kept verdicts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.testing.mutation.examples import rule
from tests.runtime.testing.mutation.subjects import (
    TraceCase,
    breaks,
    dies_without_violation,
    hangs_without_violation,
    passes,
)
from tests.traces import assistant, calls, user

from policyc import Policy
from policyc.grammar.source import Source
from policyc.runtime.testing.mutation import workers
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.hunt import FailingCases, Hunt, Target, Verdict, hunt
from policyc.runtime.testing.mutation.kept import KeptVerdicts, kept_verdicts
from policyc.runtime.testing.mutation.workers import WorkerError

if TYPE_CHECKING:
    from pathlib import Path

    from policyc.runtime.testing.mutation.mutants import MutantSet

SOURCES = [
    Source(rule("(m: Message)", 'm.role == "user"', '"secret" in m.content'), "said.inv"),
    Source(rule("(c: ToolCall)", 'c is tool:send({to: ".*@evil"})').replace("found", "sent")),
]
FOUND = find_mutants(SOURCES)
CASES = [
    TraceCase("nothing", [user("hello")], []),
    TraceCase("said", [user("a secret")], ["found"]),
    TraceCase("sent", [calls("send", to="eve@evil")], ["sent"]),
    TraceCase("kept", [assistant(content="a secret")], []),
]


def run(
    cases: list[TraceCase] = CASES,
    judge: Any = passes,
    *,
    found: MutantSet = FOUND,
    reach: dict[str, list[str]] | None = None,
    kept: KeptVerdicts | None = None,
    workers: int = 0,
    **options: Any,
) -> Hunt:
    target = Target(found, tuple(cases), Policy, reach or {}, kept)
    (result,) = hunt([target], judge, workers=workers, **options)
    return result


def told(result: Hunt) -> dict[str, tuple[str, str | None]]:
    return {fate.mutant.id: (fate.verdict.value, fate.case) for fate in result.fates}


def test_the_first_case_that_fails_kills_and_what_no_case_notices_survives() -> None:
    fates = told(run())
    assert fates["said.inv:1:1:rule-removed:1"] == ("killed", "said")
    assert fates["said.inv:3:5:condition-dropped:1"] == ("killed", "kept")
    assert fates["said.inv:4:5:condition-dropped:1"] == ("killed", "nothing")
    assert fates["<policy>:3:10:tool-widened:1".replace("10", "15")] == ("survived", None)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_any_number_of_processes_gives_the_same(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WORTH_A_PROCESS", 1)
    assert run(workers=number).fates == run().fates


def test_a_process_that_died_while_idle_is_replaced() -> None:
    with workers.Workers(partial(partial, abs), 1, 10) as team:
        assert list(team.run([-1])) == [(0, 1)]
        team.idle[0].process.kill()
        team.idle[0].process.join()
        assert list(team.run([-2, -3])) == [(0, 2), (1, 3)]
    assert not team.idle[0].process.is_alive()


def test_several_policies_are_hunted_together() -> None:
    one, two = (
        Target(find_mutants([source]), (case,), Policy)
        for source, case in zip(SOURCES, CASES[1:3], strict=True)
    )
    seen: list[tuple[int, int]] = []
    first, second = hunt(
        [one, two], passes, workers=2, progress=lambda done, total: seen.append((done, total))
    )
    assert (first, second) == (*hunt([one], passes, workers=0), *hunt([two], passes, workers=0))
    total = len(first.fates) + len(second.fates)
    assert seen == [(done, total) for done in range(total + 1)]


def test_without_cases_nothing_is_reached() -> None:
    assert {fate.verdict for fate in run([]).fates} == {Verdict.NOT_REACHED}


def test_a_mutant_is_only_run_on_the_cases_that_reach_it() -> None:
    dropped, removed = "said.inv:3:5:condition-dropped:1", "said.inv:1:1:rule-removed:1"
    fates = told(run(reach={dropped: ["said", "nothing"], removed: []}))
    assert fates[dropped] == ("survived", None)
    assert fates[removed] == ("not reached", None)
    assert fates["said.inv:4:5:condition-dropped:1"] == ("killed", "nothing")


def test_cases_that_fail_anyway_are_refused() -> None:
    wrong = [*CASES, TraceCase("wrong", [user("a secret")], [])]
    with pytest.raises(FailingCases, match="on the policy itself:\n  wrong") as error:
        run(wrong)
    assert error.value.names == ("wrong",)


def test_names_of_cases_are_unique() -> None:
    with pytest.raises(ValueError, match="unique"):
        run([CASES[0], CASES[0]])


def test_a_mutant_that_takes_too_long_is_told_apart() -> None:
    found = find_mutants(SOURCES, kinds=["rule-removed", "tool-widened"])
    result = run(CASES[1:3], hangs_without_violation, found=found, workers=2, seconds=1)
    assert [fate.verdict.value for fate in result.fates] == ["timeout", "timeout", "survived"]


def test_a_judge_that_breaks_is_no_verdict() -> None:
    with pytest.raises(WorkerError, match="the judge is broken"):
        run(judge=breaks, workers=1)


def test_a_process_that_dies_is_replaced() -> None:
    found = find_mutants(SOURCES, kinds=["rule-removed"])
    result = run(CASES[1:3], dies_without_violation, found=found, workers=1)
    assert [fate.verdict.value for fate in result.fates] == ["timeout", "timeout"]
    with pytest.raises(FailingCases, match="nothing"):
        run(CASES[:2], dies_without_violation, workers=1)


def test_progress_is_told_for_each_mutant() -> None:
    seen: list[tuple[int, int]] = []
    run(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, len(FOUND.mutants)) for done in range(len(FOUND.mutants) + 1)]


# --- kept verdicts


@pytest.fixture
def kept_file(tmp_path: Path) -> Path:
    return tmp_path / "verdicts.json"


def refuse(policy: Any, case: TraceCase) -> bool:
    raise AssertionError(f"{case.name} is run again")


def test_kept_verdicts_are_not_made_again(kept_file: Path) -> None:
    first = run(kept=KeptVerdicts(kept_file))
    again = run(judge=refuse, kept=KeptVerdicts(kept_file))
    assert again.fates == first.fates


def test_with_another_case_only_that_is_run(kept_file: Path) -> None:
    ran: list[str] = []

    def noting(policy: Policy, case: TraceCase) -> bool:
        ran.append(case.name)
        return passes(policy, case)

    run(CASES[:3], kept=KeptVerdicts(kept_file))
    more = run(judge=noting, kept=KeptVerdicts(kept_file))
    assert set(ran) == {"kept"}
    assert more.fates == run().fates


def test_a_case_put_first_decides_by_whom_a_mutant_is_killed(kept_file: Path) -> None:
    run(kept=KeptVerdicts(kept_file))
    turned = list(reversed(CASES))
    assert run(turned, kept=KeptVerdicts(kept_file)).fates == run(turned).fates


@pytest.mark.parametrize("damage", [b"", b"x", b"{}", b'0\n{"a":{"b":true}}'])
def test_a_damaged_file_counts_as_empty(kept_file: Path, damage: bytes) -> None:
    first = run(kept=KeptVerdicts(kept_file))
    kept_file.write_bytes(damage or kept_file.read_bytes()[:-1])
    assert run(kept=KeptVerdicts(kept_file)).fates == first.fates
    assert run(judge=refuse, kept=KeptVerdicts(kept_file)).fates == first.fates


def test_a_file_is_shared(kept_file: Path) -> None:
    one, two = KeptVerdicts(kept_file), KeptVerdicts(kept_file)
    one.add("m", "a", passes=True)
    two.add("m", "b", passes=False)
    one.save()
    two.save()
    read = KeptVerdicts(kept_file)
    assert (read.get("m", "a"), read.get("m", "b"), read.get("m", "c")) == (True, False, None)


def test_timeouts_are_not_kept(kept_file: Path) -> None:
    found = find_mutants(SOURCES, kinds=["rule-removed"], rules=[0])
    for judge, verdict in ((hangs_without_violation, "timeout"), (passes, "killed")):
        kept = KeptVerdicts(kept_file)
        result = run(CASES[1:2], judge, found=found, kept=kept, workers=1, seconds=1)
        assert [fate.verdict.value for fate in result.fates] == [verdict]


def test_a_folder_that_cannot_be_used_costs_only_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert run(kept=KeptVerdicts(blocked / "x.json")).fates == run().fates


def test_where_verdicts_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYC_CACHE_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("POLICYC_NO_CACHE", raising=False)
    one, two = kept_verdicts(SOURCES), kept_verdicts(SOURCES[:1])
    assert one is not None
    assert two is not None
    assert one.path.parent == tmp_path / "home" / "mutation"
    assert one.path != two.path
    assert kept_verdicts(SOURCES, {"f": len}) is None
    plugin = Source("from policyc.detectors import own\n")
    assert kept_verdicts([plugin]) is None
    monkeypatch.setenv("POLICYC_NO_CACHE", "1")
    assert kept_verdicts(SOURCES) is None
