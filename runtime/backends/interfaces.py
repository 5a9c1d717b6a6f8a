"""The APIs by which a server can be asked: questions for it, and what its answers mean."""

from __future__ import annotations

import asyncio
import re
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from policyc.compiler.plan import RuleRef
from policyc.grammar.diagnostics import Diagnostic, PolicyError, Severity
from policyc.grammar.source import Source, Span
from policyc.runtime.backends.base import INTERFACES
from policyc.runtime.backends.http import BadAnswer, Question, ServerRefused
from policyc.runtime.backends.monitors import AskingMonitor, StreamMonitor
from policyc.runtime.failures import BackendError
from policyc.runtime.results import AnalysisResult, RuleError, Violation
from policyc.runtime.trace_access import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.backends.base import Event, RemoteMonitor
    from policyc.runtime.backends.http import Server

Sources = tuple[tuple[str, str | None], ...]


class OtherProtocol(BackendError):
    """The server speaks another protocol of `/v1` than this version."""


class Interface(Protocol):
    """Judges with one policy by asking a server through one API."""

    def judge(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult:
        """The verdict on a trace (`past` is None) or on pending events.

        Raises:
            BackendError: there is none.
            PolicyError: the server cannot compile the policy.
            TraceError: the trace cannot be read.
        """

    async def a_judge(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult:
        """The same, while the event loop goes on."""

    def monitor(self, parameters: dict[str, Any]) -> RemoteMonitor: ...

    def close(self) -> None: ...


def interface_of(server: Server, chosen: str | None, sources: Sources) -> Interface:
    """The API of that name; without a name, the best one that the server has.

    Raises:
        BackendError: the server cannot be reached, or has none.
    """
    name = chosen or _best(server)
    if name == "v1":
        return OwnInterface(server, sources)
    if name == "session":
        return SessionInterface(server, sources)
    return StatelessInterface(server, sources)


def _best(server: Server) -> str:
    try:
        found = server.ask(Question("GET", "/version"))
    except ServerRefused as error:
        if error.status not in (404, 405):
            raise
        return "session"
    if isinstance(found, dict) and found.get("name") == "policyc":
        if found.get("protocol") != PROTOCOL:
            raise OtherProtocol(
                f"{server.shown} speaks protocol {found.get('protocol')} of policyc, and this "
                f"version {PROTOCOL}: bring both to the same version"
            )
        return "v1"
    names = ", ".join(f"{name}+{server.shown}" for name in INTERFACES[1:])
    raise BackendError(f"{server.shown} does not say what it is: name its API, as {names}")


PROTOCOL = 1
"""That of `/v1` which this version speaks."""


class _OneQuestion(ABC):
    """An API where a verdict is the answer of one question."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @abstractmethod
    def question(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> Question:
        """What to ask."""

    @abstractmethod
    def result(self, answer: Any) -> AnalysisResult:
        """What an answer says.

        Raises:
            BadAnswer: it is no verdict.
        """

    def explain(self, error: ServerRefused) -> None:  # noqa: B027  # most have nothing to add
        """Raise what an error of the server means, where it means more than that."""

    def judge(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult:
        return self.result(self.ask(self.question(past, events, parameters)))

    def ask(self, question: Question) -> Any:
        try:
            return self._server.ask(question)
        except ServerRefused as error:
            self.explain(error)
            raise

    async def a_judge(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult:
        try:
            answer = await self._server.a_ask(self.question(past, events, parameters))
        except ServerRefused as error:
            self.explain(error)
            raise
        return self.result(answer)

    def close(self) -> None:  # noqa: B027  # as above
        """There is nothing to end."""


class OwnInterface(_OneQuestion):
    """Our own API: structured results, the same as those of the embedded engine."""

    def __init__(self, server: Server, sources: Sources) -> None:
        super().__init__(server)
        self._sources = sources
        self._texts = [{"text": text, "path": path} for text, path in sources]
        self._monitors: WeakSet[StreamMonitor] = WeakSet()

    def question(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> Question:
        body = {"sources": self._texts, "parameters": parameters}
        body |= {"trace": events} if past is None else {"past": past, "pending": events}
        return Question("POST", "/v1/check", body)

    def result(self, answer: Any) -> AnalysisResult:
        return result_of(answer)

    def explain(self, error: ServerRefused) -> None:
        match error.detail:
            case {"kind": "trace", "path": str(path), "reason": str(reason)}:
                raise TraceError(path, reason) from None
            case {"kind": "policy", "diagnostics": list(diagnostics)}:
                raise PolicyError([self._diagnostic(one) for one in diagnostics]) from None
            case _:
                pass

    def _diagnostic(self, told: Any) -> Diagnostic:
        """A problem that only the server sees: another version, or other detectors."""
        try:
            code, line, column = told["code"], told["line"], told["column"]
            severity, message = Severity(told["severity"]), told["message"]
            path, hint = told["path"], told["help"]
        except (KeyError, TypeError, ValueError):
            raise BadAnswer("the server answered with something that is no diagnostic") from None
        texts = [text for text, name in self._sources if name == path]
        # Of several texts without a name nobody knows which is meant.
        text = texts[0] if len(texts) == 1 else ""
        before = text.splitlines(keepends=True)[: line - 1]
        start = min(len(text), sum(map(len, before)) + column - 1)
        told_by = f"{message} (says {self._server.shown})"
        return Diagnostic(
            code, severity, told_by, Source(text, path), Span(start, start), help=hint
        )

    def monitor(self, parameters: dict[str, Any]) -> RemoteMonitor:
        made = StreamMonitor(self, self._texts, parameters)
        self._monitors.add(made)
        return made

    def close(self) -> None:
        """End the sessions of its monitors."""
        for monitor in list(self._monitors):
            monitor.end_session()


def result_of(answer: Any) -> AnalysisResult:
    """The result in the JSON form of `policyc eval`.

    Raises:
        BadAnswer: it is none.
    """
    try:
        violations = [_violation(one) for one in answer["violations"]]
        errors = [_rule_error(one) for one in answer["errors"]]
        blocked = answer["blocked"]
    except (KeyError, TypeError, AttributeError):
        raise BadAnswer("the server answered with something that is no result") from None
    if blocked is not bool(violations or errors):
        raise BadAnswer("the server answered with a result that contradicts itself")
    return AnalysisResult(violations, errors=errors)


def _violation(told: dict[str, Any]) -> Violation:
    return Violation(
        _rule(told["rule"]),
        list(told["args"]),
        dict(told["kwargs"]),
        list(told["ranges"]),
        told["key"],
        told["risk"],
        list(told.get("secrets", ())),
    )


def _rule_error(told: dict[str, Any]) -> RuleError:
    return RuleError(_rule(told["rule"]), told["message"], told["line"], told["column"], {}, None)


def _rule(told: dict[str, Any]) -> RuleRef:
    return RuleRef(told["name"], told["path"], told["line"])


_TEXT = re.compile(r"PolicyViolation\((.*)\)", re.DOTALL)
_LEVEL = re.compile(r"risk=(low|medium|high)\b")
_NUMBER_OF_RANGES = re.compile(r", ranges=\[<\d+ ranges>\]$")
_ERROR = re.compile(r"PolicyEvaluationError\((.*) \[risk=high\]\)", re.DOTALL)

_UNKNOWN_RULE = RuleRef("unknown rule", None, 0)
"""What violations have as their rule that are only a text."""


def result_of_texts(texts: Any, ranges: list[list[str]] | None = None) -> AnalysisResult:
    """The result that the texts of an Invariant server say: the text of each violation is its
    message, with what the API does not tell left out.

    Raises:
        BadAnswer: they are no list of texts. A bare text is what the server has for an error.
    """
    if isinstance(texts, str):
        raise BadAnswer(f"the server could not evaluate the policy: {texts}")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadAnswer("the server answered with something that is no list of findings")
    violations: list[Violation] = []
    errors: list[RuleError] = []
    for number, text in enumerate(texts):
        if failed := _ERROR.fullmatch(text):
            errors.append(RuleError(_UNKNOWN_RULE, failed[1], 0, 0, {}, None))
            continue
        found = _TEXT.fullmatch(text)
        message = _NUMBER_OF_RANGES.sub("", found[1]) if found else text
        level = _LEVEL.search(message)
        places = ranges[number] if ranges is not None else []
        risk = level[1] if level else None
        violations.append(Violation(_UNKNOWN_RULE, [message], {}, places, f"({number}, ())", risk))
    return AnalysisResult(violations, errors=errors)


def _only_text(sources: Sources) -> str:
    """The policy as the APIs of the Invariant server take it: one text."""
    if len(sources) != 1:
        raise BackendError(
            "the API of the Invariant server takes one policy file; write them into one"
        )
    return sources[0][0]


def _refuse(parameters: dict[str, Any]) -> None:
    if parameters:
        names = ", ".join(f"`{name}`" for name in parameters)
        raise BackendError(f"the API of the Invariant server takes no parameters: {names}")


class StatelessInterface(_OneQuestion):
    """The stateless API of the Invariant server."""

    def __init__(self, server: Server, sources: Sources) -> None:
        super().__init__(server)
        self._text = _only_text(sources)

    def question(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> Question:
        _refuse(parameters)
        if past is None:
            body = {"policy": self._text, "trace": events}
            return Question("POST", "/api/policy/analyze", body)
        body = {"policy": self._text, "past_events": past, "pending_events": events}
        return Question("POST", "/api/monitor/check", body)

    def result(self, answer: Any) -> AnalysisResult:
        if not isinstance(answer, dict):
            return result_of_texts(answer)
        try:
            texts = [one["error"] for one in answer["errors"]]
            ranges = [[_own_range(text) for text in one["ranges"]] for one in answer["errors"]]
        except (KeyError, TypeError, AttributeError):
            raise BadAnswer("the server answered with something that is no result") from None
        return result_of_texts(texts, ranges)

    def monitor(self, parameters: dict[str, Any]) -> RemoteMonitor:
        _refuse(parameters)
        return AskingMonitor(self)


def _own_range(text: str) -> str:
    return text.removeprefix("messages.")


class SessionInterface:
    """The session API of the Invariant server. The session is made when it is needed, and made
    again when the server has lost it.

    A monitor of the original server does not report twice what it has reported, so each check has
    one of its own, and is not asked again when the connection breaks.
    """

    def __init__(self, server: Server, sources: Sources) -> None:
        self._server = server
        self._text = _only_text(sources)
        self._lock = threading.Lock()
        self._session: str | None = None

    def judge(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult:
        _refuse(parameters)
        session = self._opened()
        try:
            return self._judge_in(session, past, events)
        except ServerRefused as error:
            if error.status != 404:
                raise
            # The server was started again, or has ended the session.
            self._session = None
            return self._judge_in(self._opened(), past, events)

    def _judge_in(
        self, session: str, past: list[Event] | None, events: list[Event]
    ) -> AnalysisResult:
        if past is None:
            with self._made("policy", session) as path:
                answer = self._ask("POST", f"{path}/analyze", session, {"trace": events})
            if isinstance(answer, dict) and "errors" in answer:
                answer = answer["errors"]
            return result_of_texts(answer)
        body = {"past_events": past, "pending_events": events}
        with self._made("monitor", session) as path:
            return result_of_texts(self._ask("POST", f"{path}/check", session, body))

    @contextmanager
    def _made(self, kind: str, session: str) -> Iterator[str]:
        """A policy or monitor of the session, by its path, for one question."""
        answer = self._ask("POST", f"/{kind}/new", session, {"rule": self._text})
        path = f"/{kind}/{_entry(answer, f'{kind}_id', int)}"
        try:
            yield path
        finally:
            with suppress(BackendError):
                self._ask("DELETE", path, session)

    def _opened(self) -> str:
        with self._lock:
            if self._session is None:
                answer = self._server.ask(Question("GET", "/session/new"))
                self._session = _entry(answer, "id", str)
            return self._session

    def _ask(self, method: str, path: str, session: str, body: Any = None) -> Any:
        query = {"session_id": session}
        return self._server.ask(Question(method, path, body, query, is_pure=False))

    async def a_judge(
        self, past: list[Event] | None, events: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult:
        return await asyncio.to_thread(self.judge, past, events, parameters)

    def monitor(self, parameters: dict[str, Any]) -> RemoteMonitor:
        _refuse(parameters)
        return AskingMonitor(self)

    def close(self) -> None:
        """End the session."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            with suppress(BackendError):
                self._ask("DELETE", "/session/", session)


def _entry(answer: Any, name: str, kind: type) -> Any:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, kind):
        raise BadAnswer(f"the server answered without `{name}`")
    return value
