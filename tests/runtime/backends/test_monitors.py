"""What a monitor over HTTP remembers, and what it must not take for the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from policyc.runtime.backends.http import Question, ServerRefused
from policyc.runtime.backends.interfaces import result_of_texts
from policyc.runtime.backends.monitors import AskingMonitor, StreamMonitor
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from policyc.runtime.backends.interfaces import Interface, OwnInterface
    from policyc.runtime.results import AnalysisResult


class Bananas:
    """An API that tells of each pending banana with the same text and no ranges, as the session API
    does."""

    def judge(
        self, past: list[Any] | None, events: list[Any], _parameters: dict[str, Any]
    ) -> AnalysisResult:
        return result_of_texts(["PolicyViolation(a banana)" for one in events if one == "banana"])


@pytest.fixture
def monitor() -> AskingMonitor:
    return AskingMonitor(cast("Interface", Bananas()))


def test_each_event_is_judged_also_if_its_text_was_reported_before(monitor: AskingMonitor) -> None:
    told = [len(monitor.append(cast("Any", one))) for one in ("banana", "apple", "banana")]
    assert told == [1, 0, 1]


def test_a_pending_event_is_reported_once_at_each_place(
    monitor: AskingMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policyc.runtime.backends.monitors.as_events", list)
    assert len(monitor.check(["apple"], ["banana"])) == 1
    assert len(monitor.check(["apple"], ["banana"])) == 0
    assert len(monitor.check(["apple", "apple"], ["banana"])) == 1
    monitor.reset()
    assert len(monitor.check(["apple"], ["banana"])) == 1


# --- monitors with a session


def _message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


class Sessions:
    """An API with sessions, of which the answers can be made to fail."""

    def __init__(self) -> None:
        self.sessions: dict[str, list[Any]] = {}
        self.failures: list[BackendError | None] = []

    def ask(self, question: Question) -> Any:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        if question.path == "/v1/sessions":
            name = f"s{len(self.sessions)}"
            self.sessions[name] = []
            return {"id": name}
        name = question.path.split("/")[3]
        if question.method == "DELETE":
            del self.sessions[name]
            return {"ok": True}
        if len(self.sessions[name]) != question.body["after"]:
            raise ServerRefused("other events", 409, None)
        self.sessions[name] += question.body["events"]
        return {"violations": [], "errors": [], "blocked": False}


def test_a_session_that_was_made_again_in_part_gets_what_it_lacks() -> None:
    api = Sessions()
    monitor = StreamMonitor(cast("OwnInterface", api), [], {})
    events = [_message(text) for text in "abc"]
    monitor.append(events[0])
    lost = ServerRefused("no such session", 404, None)
    # The session is lost, is made again, and then its server cannot be reached.
    api.failures = [lost, None, BackendError("the connection broke")]
    with pytest.raises(BackendError, match="broke"):
        monitor.append(events[1])
    monitor.append(events[1])
    monitor.append(events[2])
    assert api.sessions["s1"] == events


def test_a_monitor_goes_on_after_its_session_was_ended() -> None:
    api = Sessions()
    monitor = StreamMonitor(cast("OwnInterface", api), [], {})
    monitor.append(_message("a"))
    monitor.end_session()
    assert api.sessions == {}
    monitor.append(_message("b"))
    assert list(api.sessions.values()) == [[_message("a"), _message("b")]]
