"""A monitor: watches one trace as it grows and reports only what is new."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.engine import Engine, as_events, check_parameters
from policyc.runtime.history import UNREADABLE
from policyc.runtime.matches import identity_of, order_of
from policyc.runtime.results import NOTHING, AnalysisResult, UnhandledViolations
from policyc.runtime.support import check_readable
from policyc.runtime.traces import TraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.runtime.limits import Work
    from policyc.runtime.matches import Event, Match
    from policyc.runtime.run import Run


class Monitor:
    """Watches one trace as it grows; made by `Policy.monitor`. It belongs to one thread at a time.

    Fed event by event (`append`) it keeps what rules remember of earlier events, not the events,
    unless a rule asks about the whole trace. A rule that reached a limit stays failed until
    `reset`: what it would say could be wrong.
    """

    __slots__ = (
        "_engine",
        "_events",
        "_feed",
        "_found",
        "_is_plain",
        "_made",
        "_parameters",
        "_seen",
        "_tools",
    )

    def __init__(self, engine: Engine, parameters: Mapping[str, Any]) -> None:
        check_parameters(parameters)
        self._engine = engine
        self._parameters = parameters
        self._seen: set[Any] = set()
        self._start()

    def _start(self) -> None:
        engine = self._engine
        self._events: list[Event] | None = [] if engine.program.generated.keeps_events else None
        self._found: list[Match] = []
        self._tools: list[tuple[int, int]] = []
        self._made: Run | None = None
        self._is_plain = engine.is_simple and self._events is None
        """Whether nothing but the generated code is needed until there is something to report."""
        run = None if self._is_plain else self._run
        self._feed = engine.program.monitor(run, self._parameters, self._found, self._tools)

    @property
    def _run(self) -> Run:
        """What there is beyond the memories of the generated code; made when it is first needed."""
        if self._made is None:
            self._made = self._engine.new_run(
                self._events, self._parameters, self._found, self._tools, is_monitor=True
            )
        return self._made

    @property
    def work(self) -> Work | None:
        """The work done so far, where the policy has limits."""
        return None if self._run.meter is None else self._run.meter.work

    def append(self, event: Event) -> AnalysisResult:
        """Take the next event; the result is what this event completed.

        Raises:
            TraceError: the event is malformed; it keeps its place in the trace.
        """
        if self._is_plain:
            try:
                self._feed(event)
            except PolicycError:
                raise
            except Exception as error:
                return self._give_up(error)
            return self._report() if self._found else NOTHING
        run = self._run
        if self._events is not None:
            self._keep(event, self._events)
        run.restart()
        try:
            self._feed(event)
        except PolicycError:
            raise
        except Exception as error:
            return self._give_up(error)
        if self._found or run.doubts or run.has_failed:
            return self._report()
        return NOTHING

    def _keep(self, event: Event, events: list[Event]) -> None:
        """Keep an event for rules that ask about the whole trace; a malformed one must not get
        there."""
        try:
            check_readable(event, len(events))
        except TraceError:
            events.append(UNREADABLE)
            with suppress(TraceError):
                self._feed(UNREADABLE)
            raise
        events.append(event)

    def _give_up(self, error: Exception) -> AnalysisResult:
        """What the rules remember is not reliable any more: every result blocks until `reset`."""
        self._run.give_up(error)
        self._is_plain = False
        return self._report()

    def _report(self) -> AnalysisResult:
        run = self._run
        run.settle_doubts()
        matches = [match for match in run.found if match[0] not in run.disabled]
        run.found.clear()
        matches.sort(key=order_of)
        result = self._new(run, matches)
        run.failed.clear()
        run.models = {}
        return result

    def _new(self, run: Run, matches: list[Match]) -> AnalysisResult:
        """The result of what was not reported before."""
        new = [match for match in matches if identity_of(match) not in self._seen]
        self._seen.update(map(identity_of, new))
        if not new and not run.has_failed:
            return NOTHING
        return self._engine.result(run, new)

    def check(self, past: Any, pending: Any, *, raise_on_violation: bool = False) -> AnalysisResult:
        """What pending events have to do with and this monitor did not report before.

        Raises:
            TraceError: the trace is malformed.
            UnhandledViolations: the result blocks, and `raise_on_violation` is set.
        """
        events = as_events(pending)
        if not events:
            return NOTHING
        run, matches = self._engine.pending_matches(as_events(past), events, self._parameters)
        return _raised(self._new(run, matches), raise_on_violation)

    def analyze(self, trace: Any, *, raise_on_violation: bool = False) -> AnalysisResult:
        """What a whole trace holds and this monitor did not report before.

        Raises:
            TraceError: the trace is malformed.
            UnhandledViolations: the result blocks, and `raise_on_violation` is set.
        """
        run = self._engine.search(as_events(trace), self._parameters)
        return _raised(self._new(run, run.found), raise_on_violation)

    def reset(self) -> None:
        """Forget what was reported and, where it was fed by `append`, the trace."""
        self._seen.clear()
        self._start()


def _raised(result: AnalysisResult, wanted: bool) -> AnalysisResult:  # internal
    if wanted and result:
        raise UnhandledViolations(result)
    return result
