"""`SecurityAnalyzer`: what every analyzer is, whatever it asks.

A subclass says how an action is assessed (`assess`). Everything else is here once: the states, the
trace of what ran, time limits, and that whatever goes wrong is a decision by `on_error`, never an
action that runs because nobody had an answer.
"""

from __future__ import annotations

import asyncio
import re
import threading
import uuid
from abc import ABC, abstractmethod
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from policyc.runtime.analyzers.feed import EventStream, Feed
from policyc.runtime.analyzers.ledger import Event, Ledger, Proposal
from policyc.runtime.analyzers.lifecycle import Lifecycle, State
from policyc.runtime.analyzers.risk import (
    AnalyzerError,
    Assessment,
    Decision,
    RiskLevel,
    Thresholds,
    Verdict,
    decide,
)
from policyc.runtime.analyzers.synchronous import run

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS: Final = 30.0
"""An assessment may take."""

START_SECONDS: Final = 60.0
"""Starting may take, and so may closing."""

_SESSION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass(frozen=True, slots=True)
class Question:
    """What an analyzer is asked: whether these events may follow that past."""

    past: list[Event]
    events: list[Event]


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """The answer to a request: a status of HTTP, and JSON values."""

    status: int
    body: Any


class SecurityAnalyzer(ABC):
    """Assesses actions before they run; any number of threads and event loops may ask one.

    An action is an event of policyc, of OpenHands (a dict as `event_to_dict` gives) or of its SDK
    (a dict as `model_dump(mode="json")` gives), or a list of such events.

    Args:
        thresholds: what happens at which level; by default MEDIUM asks and HIGH denies.
        on_error: what happens where there is no answer: "deny" or "ask".
        timeout: seconds that an assessment may take.
        start_timeout: seconds that starting may take, and closing.
        session_id: what the host calls the conversation; by default a new UUID.
    """

    name: ClassVar[str]
    """What the analyzer is called, in messages and in the registry."""

    def __init__(
        self,
        *,
        thresholds: Thresholds | None = None,
        on_error: Verdict | str = Verdict.DENY,
        timeout: float = SECONDS,
        start_timeout: float = START_SECONDS,
        session_id: str | None = None,
    ) -> None:
        if on_error not in (Verdict.DENY, Verdict.ASK):
            raise AnalyzerError(f'`on_error` is "deny" or "ask", not {on_error!r}')
        for option, seconds in (("timeout", timeout), ("start_timeout", start_timeout)):
            if not seconds > 0:
                raise AnalyzerError(f"`{option}` must be seconds above 0, not {seconds!r}")
        self.thresholds = thresholds or Thresholds()
        self.on_error = Verdict(on_error)
        self.timeout = timeout
        self.start_timeout = start_timeout
        self.session_id = _checked(session_id) if session_id is not None else str(uuid.uuid4())
        self._lifecycle = Lifecycle(self.name)
        self._ledger = Ledger()
        self._feed = Feed(self._ledger)
        self._feeding = threading.RLock()
        self._starting: Future[None] | None = None

    # --- what an analyzer adds

    @abstractmethod
    async def assess(self, question: Question) -> Assessment:
        """Assess an action. Whatever it raises is a failure, and decided by `on_error`."""

    async def open(self) -> None:  # noqa: B027  # most have nothing to do
        """Get ready to be asked; called once, and bounded by `start_timeout`."""

    async def release(self) -> None:  # noqa: B027  # most have nothing to do
        """Give back what `open` took; bounded by `start_timeout`, called again if it failed."""

    def routes(self) -> dict[str, Callable[[], Any]]:
        """What `handle_api_request` answers: for each path the body of the answer."""
        return {"": self._described, "settings": self._settings, "export-trace": self._trace}

    # --- its life

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self._lifecycle.state

    async def start(self) -> None:
        """Get ready; the first question does it by itself.

        Raises:
            AnalyzerError: it cannot, and is `failed` from now on.
        """
        with self._feeding:
            first = self._starting is None
            done = self._starting = self._starting or Future()
        if not first:
            await asyncio.shield(asyncio.wrap_future(done))
            return
        try:
            await self._bounded(self.open(), "start")
            self._lifecycle.move(State.RUNNING)
        except BaseException as error:
            failure = AnalyzerError(f"the analyzer `{self.name}` cannot start: {_told(error)}")
            if self.state is State.INITIALISING:
                self._lifecycle.move(State.FAILED, _told(error))
            done.set_exception(failure)
            if not isinstance(error, Exception):
                raise
            raise failure from error
        done.set_result(None)

    async def close(self) -> None:
        """Give back what it holds; whoever asks afterwards gets a decision by `on_error`.

        Raises:
            IllegalTransition: it is closed, or being closed.
            AnalyzerError: it could not be closed properly, and is `failed`.
        """
        self._lifecycle.move(State.CLOSING)
        try:
            await self._bounded(self.release(), "close")
        except Exception as error:
            self._lifecycle.move(State.FAILED, _told(error))
            raise AnalyzerError(
                f"the analyzer `{self.name}` cannot close: {_told(error)}"
            ) from error
        self._lifecycle.move(State.CLOSED)

    async def _bounded(self, work: Any, what: str) -> None:
        try:
            await asyncio.wait_for(work, self.start_timeout)
        except TimeoutError:
            raise AnalyzerError(
                f"it did not {what} within {self.start_timeout:g} seconds"
            ) from None

    # --- what happened

    def observe(self, event: Any) -> None:
        """Note what happened without being asked about: a message, an output.

        An action of OpenHands that can be run counts as run when its observation is told.

        Raises:
            TraceError: it is no event.
        """
        with self._feeding:
            self._feed.observe(event)

    def set_event_stream(
        self, stream: EventStream, to_dict: Callable[[Any], Any] | None = None
    ) -> None:
        """Take what happened from a stream of events of OpenHands instead of being told.

        Args:
            stream: anything with `search_events(start_id=...)`.
            to_dict: makes a dict of one of its events, where they are none.

        Raises:
            AnalyzerError: it follows another one.
        """
        with self._feeding:
            self._feed.follow(stream, to_dict)

    # --- questions

    async def security_risk(self, action: Any) -> RiskLevel:
        """How dangerous an action is: HIGH also where there was no answer. Changes no trace."""
        return (await self.decide(action)).level

    async def decide(self, action: Any) -> Decision:
        """What is to happen to an action. Changes no trace, and raises nothing."""
        ticket, decision = await self._decided(action)
        self._ledger.abort(ticket)
        return decision

    async def propose(self, action: Any) -> Proposal:
        """What is to happen to an action whose outcome will be told: `commit` or `abort`.

        Raises:
            AnalyzerError: a stream of events tells what happens; ask `decide`.
        """
        if self._feed.has_stream:
            raise AnalyzerError(
                "the stream of events tells what runs: ask `decide`, which changes nothing"
            )
        ticket, decision = await self._decided(action)
        if decision.verdict is Verdict.DENY:
            self._ledger.deny(ticket)
        return Proposal(self._ledger, ticket, decision)

    def security_risk_sync(self, action: Any) -> RiskLevel:
        """`security_risk` for programs without an event loop."""
        return run(lambda: self.security_risk(action))

    def decide_sync(self, action: Any) -> Decision:
        """`decide` for programs without an event loop."""
        return run(lambda: self.decide(action))

    def propose_sync(self, action: Any) -> Proposal:
        """`propose` for programs without an event loop."""
        return run(lambda: self.propose(action))

    def close_sync(self) -> None:
        """`close` for programs without an event loop."""
        run(self.close)

    async def _decided(self, action: Any) -> tuple[int, Decision]:
        events: list[Event] = []
        failure = ""
        with self._feeding:
            try:
                self._feed.catch_up()
                events = self._feed.read(action)
                if not events:
                    # It may be of a kind that is newer than this program.
                    failure = "the action holds nothing that can be judged"
            except Exception as error:  # of a stream that is not ours, too
                failure = f"the action or what came before it cannot be read: {_told(error)}"
            ticket, past = self._ledger.open(events)
        try:
            if failure:
                return ticket, self.refuse(failure)
            return ticket, await self.decide_after(past, events)
        except BaseException:
            self._ledger.abort(ticket)
            raise

    async def decide_after(self, past: list[Event], events: list[Event]) -> Decision:
        """What is to happen to an action after a past that the host keeps itself.

        Both are events of policyc. What the analyzer was told before does not count.
        """
        return self._conclude(await self.assessed(Question(past, events)))

    def refuse(self, reason: str) -> Decision:
        """The decision where the host could not even ask."""
        return self._conclude(Assessment(RiskLevel.LOW, failures=(reason,)))

    def _conclude(self, assessment: Assessment) -> Decision:
        return decide(assessment, self.thresholds, self.on_error)

    async def assessed(self, question: Question) -> Assessment:
        """The assessment of an action; a failure is one of its `failures`."""
        try:
            if self.state is State.INITIALISING:
                await self.start()
            self._lifecycle.check_running()
            return await asyncio.wait_for(self.assess(question), self.timeout)
        except TimeoutError:
            reason = f"the analyzer `{self.name}` had no answer within {self.timeout:g} seconds"
        except AnalyzerError as error:
            reason = str(error)
        except Exception as error:  # an analyzer may be anybody's
            reason = f"the analyzer `{self.name}` failed: {_told(error)}"
        return Assessment(RiskLevel.LOW, failures=(reason,))

    # --- requests

    def handle_api_request(self, method: str, path: str, body: Any = None) -> ApiAnswer:
        """Answer a request that the host has received, and whose sender it knows.

        Args:
            method: of HTTP. Everything here is only read, with GET.
            path: below the place where the host serves the analyzer, such as `settings`.
            body: there is none that is understood.
        """
        route = self.routes().get(path.strip("/"))
        if route is None:
            return ApiAnswer(404, {"detail": "Not Found"})
        if method.upper() != "GET":
            return ApiAnswer(405, {"detail": "Method Not Allowed"})
        if body is not None:
            return ApiAnswer(422, {"detail": "there is nothing to be sent with a GET request"})
        try:
            return ApiAnswer(200, route())
        except Exception as error:  # of a stream that is not ours
            return ApiAnswer(500, {"detail": _told(error)})

    def _described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.state.value,
            "reason": self._lifecycle.reason,
            "session_id": self.session_id,
        }

    def _settings(self) -> dict[str, Any]:
        ask, deny = self.thresholds.ask, self.thresholds.deny
        return {
            "ask": None if ask is None else ask.name.lower(),
            "deny": None if deny is None else deny.name.lower(),
            "unknown": self.thresholds.unknown.value,
            "on_error": self.on_error.value,
            "timeout": self.timeout,
        }

    def _trace(self) -> list[Event]:
        with self._feeding:
            self._feed.catch_up()
        return self._ledger.events()


def _checked(session_id: Any) -> str:
    if not isinstance(session_id, str) or not _SESSION_ID.fullmatch(session_id):
        raise AnalyzerError(
            f"{session_id!r} cannot be the id of a session: it is 1 to 128 letters, digits and "
            "`. _ : -`, and begins with a letter or digit"
        )
    return session_id


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
