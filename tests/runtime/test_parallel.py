"""Work in several processes: order, how far ahead items are taken, and what becomes of failures."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count
from multiprocessing import active_children
from typing import TYPE_CHECKING

import pytest
from tests.runtime import works

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.failures import BackendError
from policyc.runtime.parallel import MOST_OPEN, cores, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("items", [0, 1, 2, 25])
def test_answers_come_in_the_order_of_the_items(workers: int, items: int) -> None:
    found = list(in_order(works.double_slowly, range(items), workers))
    assert found == [(number, 2 * number) for number in range(items)]
    assert not active_children()


def test_several_processes_work_and_for_one_item_none_is_started() -> None:
    pids = {pid for _, pid in in_order(works.process_of, range(20), 2)}
    assert len(pids) == 2 and os.getpid() not in pids
    assert {pid for _, pid in in_order(works.process_of, range(1), 2)} == {os.getpid()}
    assert {pid for _, pid in in_order(works.process_of, range(5), 1)} == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_items_are_taken_as_they_are_answered(workers: int) -> None:
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        for number in count():
            taken += 1
            yield number

    answers = in_order(works.double_slowly, endless(), workers)
    for number in range(60):
        assert next(answers) == (number, 2 * number)
        assert taken - number <= MOST_OPEN * workers + 1
    answers.close()
    assert not active_children()


def collect(work: Callable[[int], int], workers: int, into: list[int]) -> None:
    into.extend(answer for _, answer in in_order(work, range(20), workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_is_raised_in_its_place(workers: int) -> None:
    found: list[int] = []
    with pytest.raises(PolicycError, match="seven"):
        collect(works.refuse_seven, workers, found)
    assert found == list(range(7))
    assert not active_children()


@pytest.mark.parametrize(
    ("work", "fate"),
    [
        (works.die_on_seven, "was ended by SIGKILL, perhaps for want of memory,"),
        (works.leave_on_seven, "ended with exit code 9"),
    ],
)
def test_a_process_that_dies_is_an_error_that_names_its_item(
    work: Callable[[int], int], fate: str
) -> None:
    found: list[int] = []
    with pytest.raises(BackendError, match=f"a worker process {fate} while it worked on 7$"):
        collect(work, 2, found)
    assert found == list(range(len(found))) and len(found) <= 7
    assert not active_children()


def test_work_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(BackendError, match="this cannot be sent to other processes: "):
        list(in_order(lambda number: number, range(9), 2))
    assert list(in_order(lambda number: number, range(9), 1)) == [(x, x) for x in range(9)]


def test_cores_are_those_that_may_be_used() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


FIRST_PROCESS = """
import signal
from multiprocessing import resource_tracker
from policyc.runtime.parallel import uninterrupted

with uninterrupted():
    resource_tracker.ensure_running()  # as what starts the first process does
    assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of terminals are of Unix")
def test_ctrl_c_waits_until_the_first_process_is_there_too() -> None:
    subprocess.run([sys.executable, "-c", FIRST_PROCESS], check=True)
