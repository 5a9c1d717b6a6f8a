"""The states of an analyzer."""

from __future__ import annotations

import asyncio
import threading
from itertools import product
from typing import Any

import pytest
from tests.runtime.analyzers.actions import call

from policyc.analyzers import (
    AnalyzerError,
    Assessment,
    IllegalTransition,
    RiskLevel,
    SecurityAnalyzer,
    State,
)
from policyc.runtime.analyzers.lifecycle import Lifecycle

LEGAL = {
    ("initialising", "running"),
    ("initialising", "closing"),
    ("initialising", "failed"),
    ("running", "closing"),
    ("running", "failed"),
    ("closing", "closed"),
    ("closing", "failed"),
    ("failed", "closing"),
}
WAYS: dict[State, list[State]] = {
    State.INITIALISING: [],
    State.RUNNING: [State.RUNNING],
    State.CLOSING: [State.RUNNING, State.CLOSING],
    State.CLOSED: [State.RUNNING, State.CLOSING, State.CLOSED],
    State.FAILED: [State.FAILED],
}


class Counting(SecurityAnalyzer):
    """Counts what is done with it."""

    name = "counting"

    def __init__(self, *, opening: float = 0, error: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.opened = self.asked = self.released = 0
        self.opening, self.error = opening, error

    async def open(self) -> None:
        self.opened += 1
        await asyncio.sleep(self.opening)
        if self.error == "open":
            raise RuntimeError("no way in")

    async def release(self) -> None:
        self.released += 1
        if self.error == "release":
            raise RuntimeError("no way out")

    async def assess(self, question: Any) -> Assessment:
        self.asked += 1
        return Assessment(RiskLevel.LOW)


@pytest.mark.parametrize(("start", "end"), [*product(State, State)])
def test_every_step_is_legal_or_an_error(start: State, end: State) -> None:
    life = Lifecycle("one")
    for state in WAYS[start]:
        life.move(state)

    if (start, end) in LEGAL:
        life.move(end)
        assert life.state is end
    else:
        with pytest.raises(IllegalTransition, match=f"is {start} and cannot become {end}"):
            life.move(end)
        assert life.state is start


def test_the_first_question_starts_it() -> None:
    analyzer = Counting()
    assert analyzer.state is State.INITIALISING

    assert analyzer.decide_sync(call("x")).is_allowed
    assert analyzer.decide_sync(call("x")).is_allowed

    assert (analyzer.state, analyzer.opened, analyzer.asked) == (State.RUNNING, 1, 2)


def test_questions_at_the_same_time_start_it_once() -> None:
    analyzer = Counting(opening=0.05)

    async def ask() -> list[Any]:
        return await asyncio.gather(*(analyzer.decide(call("x")) for _ in range(10)))

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (analyzer.opened, analyzer.asked) == (1, 30)


def test_what_cannot_start_denies() -> None:
    analyzer = Counting(error="open")

    with pytest.raises(AnalyzerError, match="cannot start: no way in"):
        asyncio.run(analyzer.start())

    assert analyzer.state is State.FAILED
    decision = analyzer.decide_sync(call("x"))
    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert "no way in" in decision.reason
    with pytest.raises(AnalyzerError, match="no way in"):
        asyncio.run(analyzer.start())
    assert (analyzer.opened, analyzer.asked) == (1, 0)


def test_what_does_not_start_in_time_fails() -> None:
    """W17: the bound is one of time, and then there is no going on."""
    analyzer = Counting(opening=60, start_timeout=0.02)

    decision = analyzer.decide_sync(call("x"))

    assert (decision.verdict, analyzer.state) == ("deny", State.FAILED)
    assert "did not start within 0.02 seconds" in decision.reason


def test_who_is_closed_denies() -> None:
    analyzer = Counting()
    analyzer.decide_sync(call("x"))

    analyzer.close_sync()

    assert (analyzer.state, analyzer.released) == (State.CLOSED, 1)
    decision = analyzer.decide_sync(call("x"))
    assert (decision.verdict, decision.cause) == ("deny", "error")
    assert "is closed" in decision.reason
    with pytest.raises(IllegalTransition):
        analyzer.close_sync()


def test_what_cannot_close_is_failed_and_can_be_closed_again() -> None:
    analyzer = Counting(error="release")
    analyzer.decide_sync(call("x"))

    with pytest.raises(AnalyzerError, match="cannot close: no way out"):
        analyzer.close_sync()
    assert analyzer.state is State.FAILED

    analyzer.error = ""
    analyzer.close_sync()
    assert analyzer.state is State.CLOSED


@pytest.mark.parametrize("session_id", ["main", "7f3e.a:b_c-d", "x" * 128])
def test_a_session_id_that_is_given_is_kept(session_id: str) -> None:
    """W16."""
    analyzer = Counting(session_id=session_id)

    assert analyzer.session_id == session_id
    assert analyzer.decide_sync(call("x")).is_allowed
    assert analyzer.handle_api_request("GET", "").body["session_id"] == session_id


@pytest.mark.parametrize("session_id", ["", "x" * 129, "a/b", "a b", ".hidden", "a\n", 7])
def test_a_session_id_that_cannot_be_one_is_refused(session_id: Any) -> None:
    with pytest.raises(AnalyzerError, match="cannot be the id of a session: it is 1 to 128"):
        Counting(session_id=session_id)


def test_without_a_session_id_there_is_a_new_one() -> None:
    assert Counting().session_id != Counting().session_id


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_error": "allow"}, '`on_error` is "deny" or "ask", not \'allow\''),
        ({"timeout": 0}, "`timeout` must be seconds above 0"),
        ({"start_timeout": -1}, "`start_timeout` must be seconds above 0"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalyzerError, match=message):
        Counting(**options)
