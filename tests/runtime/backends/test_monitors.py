"""What a monitor over HTTP remembers, and what it must not take for the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from policyc.runtime.backends.interfaces import result_of_texts
from policyc.runtime.backends.monitors import AskingMonitor

if TYPE_CHECKING:
    from policyc.runtime.backends.interfaces import Interface
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
