"""Monitors over HTTP: watch one trace as it grows, and report only what is new."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from policyc.runtime.backends.http import BadAnswer, Question, ServerRefused
from policyc.runtime.engine import as_events
from policyc.runtime.failures import BackendError
from policyc.runtime.results import AnalysisResult, UnhandledViolations

if TYPE_CHECKING:
    from policyc.runtime.backends.base import Event
    from policyc.runtime.backends.interfaces import Interface, OwnInterface


class AskingMonitor:
    """Sends the whole trace with each event. What was reported is remembered here."""

    def __init__(self, interface: Interface, parameters: dict[str, Any] | None = None) -> None:
        self._interface = interface
        self._parameters = parameters or {}
        self._events: list[Event] = []
        self._seen: set[str] = set()

    def append(self, event: Event) -> AnalysisResult:
        """Take the next event; the result is what this event completed.

        Raises:
            BackendError: there is no verdict; the event is not taken.
        """
        result = self._interface.judge(self._events, [event], self._parameters)
        # The event was in no question before, so that nothing that involves it was reported.
        self._seen.update(_identity(one, len(self._events)) for one in result)
        self._events.append(event)
        return result

    def check(self, past: Any, pending: Any, *, raise_on_violation: bool = False) -> AnalysisResult:
        """What pending events have to do with and this monitor did not report before."""
        given = (as_events(past), as_events(pending))
        result = self._new(self._interface.judge(*given, self._parameters), len(given[0]))
        return _raised(result, raise_on_violation)

    def analyze(self, trace: Any, *, raise_on_violation: bool = False) -> AnalysisResult:
        """What a whole trace holds and this monitor did not report before."""
        result = self._new(self._interface.judge(None, as_events(trace), self._parameters), 0)
        return _raised(result, raise_on_violation)

    def reset(self) -> None:
        """Forget the trace, and what was reported."""
        self._events = []
        self._seen.clear()

    def _new(self, result: AnalysisResult, at: int) -> AnalysisResult:
        new = [one for one in result if _identity(one, at) not in self._seen]
        self._seen.update(_identity(one, at) for one in new)
        return AnalysisResult(new, errors=result.errors)


def _identity(violation: Any, at: int) -> str:
    """What is the same for a violation that is reported again. `at`: where what was asked about
    begins in the trace; for want of ranges that is what tells events with equal texts apart."""
    place = violation.ranges or at
    return f"{violation.rule.path}:{violation.rule.line} {violation.key} {place} {violation}"


class StreamMonitor:
    """Sends only what is new, to a session that has the rest. When the server has lost the session
    it is made again from the events, which are kept here for that."""

    def __init__(
        self, interface: OwnInterface, texts: list[dict[str, Any]], parameters: dict[str, Any]
    ) -> None:
        self._interface = interface
        self._texts = texts
        self._parameters = parameters
        self._events: list[Event] = []
        self._session: str | None = None
        self._at = 0
        """So many of the events the session has."""
        self._asking = AskingMonitor(interface, parameters)

    def append(self, event: Event) -> AnalysisResult:
        """Take the next event; the result is what this event completed.

        Raises:
            BackendError: there is no verdict; the event is not taken.
        """
        try:
            result = self._next(event)
        except ServerRefused as error:
            if error.status not in (404, 409):
                raise
            self._session = None
            result = self._next(event)
        self._events.append(event)
        return result

    def _next(self, event: Event) -> AnalysisResult:
        """Send an event, and before it what the session lacks of those that came before."""
        if self._session is None:
            self._open()
        if self._at < len(self._events):
            self._feed(self._events[self._at :])
        return self._feed([event])

    def _open(self) -> None:
        body = {"sources": self._texts, "parameters": self._parameters}
        made = self._interface.ask(Question("POST", "/v1/sessions", body))
        if not isinstance(made, dict) or not isinstance(made.get("id"), str):
            raise BadAnswer("the server answered without the `id` of a session")
        self._session = made["id"]
        self._at = 0

    def _feed(self, events: list[Event]) -> AnalysisResult:
        from policyc.runtime.backends.interfaces import result_of  # noqa: PLC0415  # a cycle

        path = f"/v1/sessions/{self._session}/events"
        answer = self._interface.ask(Question("POST", path, {"events": events, "after": self._at}))
        self._at += len(events)
        return result_of(answer)

    def check(self, past: Any, pending: Any, *, raise_on_violation: bool = False) -> AnalysisResult:
        """What pending events have to do with and this monitor did not report before."""
        return self._asking.check(past, pending, raise_on_violation=raise_on_violation)

    def analyze(self, trace: Any, *, raise_on_violation: bool = False) -> AnalysisResult:
        """What a whole trace holds and this monitor did not report before."""
        return self._asking.analyze(trace, raise_on_violation=raise_on_violation)

    def reset(self) -> None:
        """Forget the trace, and what was reported."""
        self._events = []
        self._asking.reset()
        self.end_session()

    def end_session(self) -> None:
        """End what is on the server; the next event makes it again."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(BackendError):
                self._interface.ask(Question("DELETE", f"/v1/sessions/{session}"))


def _raised(result: AnalysisResult, wanted: bool) -> AnalysisResult:
    if wanted and result:
        raise UnhandledViolations(result)
    return result
