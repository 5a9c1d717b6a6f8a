"""Cases in processes of their own: the order of the results, hanging and dying cases."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from policyc.runtime.testing.outcomes import Outcome, Stopped
from policyc.runtime.testing.session import Choice, Settings, run
from policyc.runtime.testing.workers import Task, run_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.testing.conftest import Read

    from policyc.runtime.engine import Engine
    from policyc.runtime.testing.cases import Case

MANY = """\
params: {domain: acme.example}
cases:
  - name: mail ${number}
    each: [ROWS]
    trace: [{call: {send_email: {to: "x${number}@evil.example"}}}]
    violations: [{risk: "${risk}"}]
""".replace(
    "ROWS",
    ", ".join(f"{{number: {n}, risk: {'high' if n % 3 else 'low'}}}" for n in range(12)),
)

SLOW = """\
raise "slow" if:
    (a: Message)
    (b: Message)
    (c: Message)
    (d: Message)
    a.content + b.content + c.content + d.content == "never"
"""


class Bomb(dict[str, Any]):
    """An event that ends the process that looks at it."""

    def get(self, *_: Any) -> Any:
        os._exit(7)

    __getitem__ = __contains__ = get


def count_events(_engine: Engine, case: Case) -> int:
    return len(case.events)


def fail(_engine: Engine, _case: Case) -> None:
    raise RuntimeError("nothing works")


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_have_the_order_of_the_cases(read: Read, workers: int) -> None:
    report = run([read(MANY)], settings=Settings(workers=workers))
    (file,) = report.files
    assert [result.case.name for result in file.results] == [f"mail {n}" for n in range(12)]
    assert [result.ok for result in file.results] == [n % 3 > 0 for n in range(12)]


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_is_run_after_the_first_failure_if_so_asked(read: Read, workers: int) -> None:
    loaded = read(MANY.replace("risk: low", "risk: high", 1))
    report = run([loaded], settings=Settings(workers=workers, is_fail_fast=True))
    (file,) = report.files
    assert [result.ok for result in file.results] == [True, True, True, False]
    assert file.left_out == 8


def test_a_case_over_its_time_fails_and_the_others_go_on(read: Read, folder: Path) -> None:
    (folder / "slow.inv").write_text(SLOW, "utf-8")
    events = ", ".join("{user: hi}" for _ in range(400))
    text = f"""\
cases:
  - {{name: slow, trace: [{events}], no_violations: true, timeout: 0.2}}
  - {{name: fast, trace: [], no_violations: true}}
  - {{name: slow again, trace: [{events}], no_violations: true}}
"""
    report = run([read(text, "slow.cases.yaml")], settings=Settings(seconds=0.3))
    slow, fast, again = report.results
    assert slow.failures == (Stopped("the case took longer than its time of 0.2 s"),)
    assert slow.outcome is Outcome.FAILED
    assert fast.outcome is Outcome.PASSED
    assert again.failures == (Stopped("the case took longer than its time of 0.3 s"),)


def test_a_process_that_dies_is_a_failure_of_its_case(read: Read) -> None:
    loaded = read("{params: {domain: x}, cases: [{name: a, trace: [], no_violations: true}]}")
    assert loaded.file is not None
    assert loaded.program is not None
    (case,) = loaded.file.cases
    deadly = replace(case, events=[Bomb()])
    tasks = [Task(0, case), Task(0, deadly), Task(0, case)]
    results = list(run_tasks(tasks, [loaded.program], workers=2))
    assert [result.ok for result in results] == [True, False, True]
    assert results[1].outcome is Outcome.FAILED
    assert results[1].failures == (Stopped("the process that ran the case died (exit code 7)"),)


def test_an_observer_sees_each_case_in_its_process(read: Read) -> None:
    report = run([read(MANY)], Choice(texts=("mail 1",)), Settings(observer=count_events))
    assert [result.observed for result in report.results] == [1, 1, 1]


def test_what_fails_besides_the_policy_is_no_failure_of_the_case(read: Read) -> None:
    report = run([read(MANY)], Choice(texts=("mail 1",)), Settings(observer=fail))
    assert {result.outcome for result in report.results} == {Outcome.BROKEN}
    (failure,) = report.results[0].failures
    assert failure == Stopped("policyc itself failed: RuntimeError: nothing works")
    assert not report.ok
