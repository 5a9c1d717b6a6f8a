"""The gate: what is asked of a sandbox is judged before it happens, and its output after.

The trace that the policy sees is written here, from what is really asked for and really came out;
a caller can add messages to it, but no calls and no outputs. A call that is refused did not happen:
it counts in no later judgement. Whatever fails on the way (the policy, a rule, the time limit, the
log, whoever was to be asked) is a refusal that says so.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.analyzers.risk import (
    Assessment,
    Decision,
    RiskLevel,
    Thresholds,
    Verdict,
    decide,
    worst,
)
from policyc.runtime.detectors.masking import masked
from policyc.runtime.sandbox.audit import digest
from policyc.runtime.sandbox.deadline import Punctual
from policyc.runtime.trace_ranges import parse_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyc.runtime.results import AnalysisResult, Violation
    from policyc.runtime.sandbox.audit import AuditLog
    from policyc.runtime.sandbox.trace_file import Event, TraceFile

SECONDS: Final = 5.0
"""A decision may take."""

MASK: Final = "*"
"""What a redacted character becomes."""

Release = Literal["released", "redacted", "withheld"]


class Monitor(Protocol):
    """What judges a trace as it grows."""

    def append(self, event: Event) -> AnalysisResult:
        """What is new with the next event."""
        ...


class Policy(Protocol):
    """What the gate needs of a compiled policy."""

    @property
    def sources(self) -> Mapping[str, str]:
        """The texts that it was compiled from."""
        ...

    @property
    def required_parameters(self) -> frozenset[str]:
        """The parameters without a default."""
        ...

    def monitor(self, /, **parameters: Any) -> Monitor:
        """A monitor that begins with an empty trace."""
        ...


@runtime_checkable
class Boundable(Protocol):
    """A policy that may be able to keep to a time by itself."""

    def bounded(self, seconds: float, /, **parameters: Any) -> Policy | None:
        """The same policy, which does so for each event of a monitor; None: it cannot."""
        ...


class Refused(PolicycError):
    """Something was not done, or its output not handed out, because of the policy.

    `decision` says why; `stage` is "call" or "output". `events` are those that the ranges of its
    violations are about, without an output that is withheld.
    """

    def __init__(
        self,
        decision: Decision,
        stage: Literal["call", "output"] = "call",
        events: Sequence[Event] = (),
    ) -> None:
        super().__init__(decision.reason)
        self.decision = decision
        self.stage = stage
        self.events = list(events)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Refused, (self.decision, self.stage, self.events))


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked: may this call happen, or this `output` of it be handed out?"""

    tool: str
    arguments: Mapping[str, Any]
    decision: Decision
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a gate decides.

    Args:
        thresholds: from which level on a person is asked, and from which a call is refused.
        on_error: what happens where something could not be judged.
        default_level: of a violation whose rule has none.
        seconds: that a decision may take.
        redact: hand out an output whose violations mark parts of it, with these parts masked;
            without it such an output is withheld.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    on_error: Verdict = Verdict.DENY
    default_level: RiskLevel = RiskLevel.HIGH
    seconds: float = SECONDS
    redact: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was allowed."""

    id: str
    tool: str
    arguments: Mapping[str, Any]
    decision: Decision


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of an output. `masked` are the pieces of it that are hidden, in characters."""

    release: Release
    decision: Decision
    masked: tuple[tuple[int, int], ...] = ()


class Gate:
    """Judges one sandbox, one thing after the other: what comes second may depend on what came
    first. Any number of threads may ask.

    Args:
        policy: compiled.
        parameters: the values of its `input.*`.
        trace: where the events are kept; what is in it already is the past.
        audit: where decisions are kept.
        sandbox: whose decisions these are, in the log.
        settings: how decisions are made.
        ask: asks a person; without it nothing is allowed that somebody must be asked about.

    Raises:
        PolicycError: a parameter that the policy needs is missing.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        trace: TraceFile,
        audit: AuditLog,
        sandbox: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Settings | None = None,
        ask: Callable[[Question], bool] | None = None,
    ) -> None:
        self.policy = policy
        self.parameters = dict(parameters or {})
        self.trace = trace
        self.settings = settings or Settings()
        self.seconds = 0.0
        """That the last decision took, without the time of a person."""
        self._audit = audit
        self._sandbox = sandbox
        self._ask = ask
        self._lock = threading.RLock()
        self._open: set[str] = set()
        """Calls that have not been concluded."""
        self._thread = Punctual("policyc-gate")
        self._bounded: Policy | None = None
        """It is asked in the thread of the caller: to wake another takes as long as to judge."""
        if isinstance(policy, Boundable):
            self._bounded = policy.bounded(self.settings.seconds, **self.parameters)
        self._monitor: Monitor | None = None
        """It has the events of the trace that happened; None where it took one that did not."""
        check_parameters(policy, self.parameters)
        self.digest = policy_digest(policy, self.parameters)
        """Of the policy and its parameters, as the audit log names them."""

    def close(self) -> None:
        """Let go of the thread that judges."""
        self._thread.close()

    # --- what happens

    def observe(self, messages: Sequence[Event]) -> None:
        """Add messages of the user, the system or the assistant to the trace.

        Raises:
            Refused: they break a rule; none of them is in the trace then.
            PolicycError: something is no message, or is a call or an output.
        """
        events = deepcopy(list(messages))
        for event in events:
            if event.get("role") not in _SPEAKERS:
                raise PolicycError("only messages of a user, a system or an assistant can be added")
            if event.get("tool_calls"):
                raise PolicycError("calls are added by making them, so that they are judged")
        with self._turn():
            decision = self._judged("messages", events, {"messages": events})
            if decision.verdict is not Verdict.ALLOW:
                raise Refused(decision, events=[*self.trace.past, *events])
            self.trace.add(events)

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Call:
        """Ask whether a call may happen. When this returns it is in the log and in the trace.

        Who does it tells how it went, with `conclude` or `abandon`.

        Raises:
            Refused: it may not.
            SandboxError: the decision cannot be written down.
        """
        # The caller may still hold what it passed, and change it.
        arguments = deepcopy(dict(arguments))
        action = {"name": tool, "arguments": arguments}
        call_id = f"call_{token_hex(8)}"
        event = {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": call_id, "type": "function", "function": action}],
        }
        question = Question(tool, arguments, _NO_DECISION)
        with self._turn():
            decision = self._judged("call", [event], action, question)
            if decision.verdict is not Verdict.ALLOW:
                told = {"role": "tool", "tool_call_id": call_id, "content": refusal_text(decision)}
                self.trace.add([event, told], ran=False)
                raise Refused(decision, events=[*self.trace.past, event])
            self.trace.add([event])
            self._open.add(call_id)
        return Call(call_id, tool, arguments, decision)

    def conclude(
        self,
        call: Call,
        output: str,
        *,
        about: Mapping[str, Any] | None = None,
        may_redact: bool = True,
    ) -> Judged:
        """Ask what may be handed out of what a call gave. When this returns it is in the log, and
        what is handed out is in the trace.

        Args:
            call: that was allowed.
            output: all that it gave, as text.
            about: how it ended, for the log.
            may_redact: whether it can be handed out in part.

        Raises:
            SandboxError: the decision cannot be written down.
        """
        event = {"role": "tool", "tool_call_id": call.id, "content": output}
        question = Question(call.tool, call.arguments, _NO_DECISION, output)
        with self._turn():
            place = self.trace.count
            decision = self._decided([event], question)
            may_redact = may_redact and self.settings.redact
            judged = self._release(decision, place, len(output), may_redact=may_redact)
            more = {"tool": call.tool, "call": call.id, **(about or {})}
            self._log("output", decision, event, release=judged.release, **more)
            if judged.release != "released":
                # What the agent does not get is not in its trace either.
                self._monitor = None
                is_redacted = judged.release == "redacted"
                seen = masked_text(output, judged.masked) if is_redacted else refusal_text(decision)
                event = {**event, "content": seen}
            self.trace.add([event])
            self._open.discard(call.id)
        return judged

    def abandon(self, call: Call, reason: str, *, kind: str = "failed") -> None:
        """Tell why a call has no output; nothing happens where it was concluded. `kind` is that of
        the record.

        Raises:
            SandboxError: that cannot be written down.
        """
        with self._turn():
            if call.id not in self._open:
                return
            self._open.discard(call.id)
            self.note(kind, call=call.id, tool=call.tool, reason=masked(reason))
            self._monitor = None  # it has no output for the call
            event = {"role": "tool", "tool_call_id": call.id, "content": masked(reason)}
            self.trace.add([event])

    def may_show(self, call: Call, output: str) -> bool:
        """Whether the beginning of an output may be handed out before its end is known. Nothing is
        written down, and nobody is asked."""
        event = {"role": "tool", "tool_call_id": call.id, "content": output}
        with self._turn():
            decision = self._assessed([event])
            self._monitor = None  # it has taken what has not happened yet
        return decision.verdict is Verdict.ALLOW

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One judgement; what another process did with the same sandbox is taken in before."""
        with self._lock:
            try:
                if self.trace.refresh():
                    self._monitor = None
                yield
            except BaseException:
                # It may have taken what is not in the trace.
                self._monitor = None
                raise

    def note(self, kind: str, **content: Any) -> None:
        """Write something that is no decision into the log."""
        self._audit.append(kind, sandbox=self._sandbox, policy=self.digest, **content)

    # --- decisions

    def _judged(
        self, kind: str, events: list[Event], action: Any, question: Question | None = None
    ) -> Decision:
        """The decision about events, written down."""
        decision = self._decided(events, question)
        tool = {} if question is None else {"tool": question.tool}
        if decision.verdict is not Verdict.ALLOW:
            # The monitor has taken what will not happen.
            self._monitor = None
        self._log(kind, decision, action, **tool)
        return decision

    def _decided(self, events: list[Event], question: Question | None) -> Decision:
        decision = self._assessed(events)
        if decision.verdict is Verdict.ASK:
            decision = self._asked(decision, question)
        return decision

    def _assessed(self, events: list[Event]) -> Decision:
        """What the policy says; never raises."""
        begin = time.perf_counter()
        settings = self.settings
        violations: list[Violation] = []
        failures: list[str] = []
        # A thread that is late must not put its monitor where the next one's is.
        monitor, self._monitor = self._monitor, None
        try:
            # Functions of the host may change what they see; what is kept and run stays.
            seen = deepcopy(events)
            if self._bounded is not None:
                found = self._results(self._bounded, monitor, self.trace, seen)
            else:
                found = self._thread.call(
                    settings.seconds, self._results, self.policy, monitor, self.trace, seen
                )
            self._monitor, violations, failures = found
        except TimeoutError:
            failures = [f"the policy did not answer within {settings.seconds:g} seconds"]
        except Exception as error:  # of functions of the host, of a server
            failures = [_told(error)]
        levels = (
            settings.default_level if one.risk is None else RiskLevel.read(one.risk)
            for one in violations
        )
        assessment = Assessment(worst(levels), tuple(violations), tuple(failures))
        decision = decide(assessment, settings.thresholds, settings.on_error)
        self.seconds = time.perf_counter() - begin
        return decision

    def _results(
        self, policy: Policy, monitor: Monitor | None, trace: TraceFile, events: list[Event]
    ) -> tuple[Monitor, list[Violation], list[str]]:
        """The monitor after the events, and what these lead to.

        Raises:
            TimeoutError: all of it takes too long, though no single event does.
        """
        end = time.monotonic() + self.settings.seconds
        if monitor is None:
            monitor = policy.monitor(**self.parameters)
            for event in trace.past:
                monitor.append(event)
                if time.monotonic() > end:
                    raise TimeoutError
        violations: list[Violation] = []
        failures: list[str] = []
        for event in events:
            result = monitor.append(event)
            if time.monotonic() > end:
                raise TimeoutError
            if result:
                violations += result.violations
                failures += map(str, result.errors)
        return monitor, violations, failures

    def _asked(self, decision: Decision, question: Question | None) -> Decision:
        """The decision of a person."""
        if self._ask is None or question is None:
            why = "nobody can be asked"
        else:
            try:
                shown = deepcopy(dict(question.arguments))
                if self._ask(replace(question, decision=decision, arguments=shown)):
                    return replace(
                        decision,
                        verdict=Verdict.ALLOW,
                        reason=f"{decision.reason}; allowed by a person",
                    )
                why = "refused by a person"
            except Exception as error:  # of the host
                why = f"asking failed: {_told(error)}"
        return replace(decision, verdict=Verdict.DENY, reason=f"{decision.reason}; {why}")

    def _release(self, decision: Decision, place: int, length: int, *, may_redact: bool) -> Judged:
        if decision.verdict is Verdict.ALLOW:
            return Judged("released", decision)
        if may_redact and decision.cause == "level":
            spans = [_spans(one, place) for one in decision.violations]
            if spans and all(spans):
                masked = tuple(sorted({span for some in spans for span in some}))
                if any(end - start < length for start, end in masked):
                    return Judged("redacted", decision, masked)
        return Judged("withheld", decision)

    def _log(self, kind: str, decision: Decision, action: Any, **more: Any) -> None:
        self.note(
            kind,
            action=digest(action),
            verdict=decision.verdict.value,
            level=decision.level.name.lower(),
            cause=decision.cause,
            rules=[one.rule.name for one in decision.violations],
            reason=masked(decision.reason),
            ms=round(self.seconds * 1000, 3),
            **more,
        )


_SPEAKERS: Final = ("user", "system", "developer", "assistant")
_NO_DECISION: Final = Decision(Verdict.DENY, RiskLevel.HIGH, (), "error", "not decided yet")


def check_parameters(policy: Policy, parameters: Mapping[str, Any]) -> None:
    """See that a policy has all the parameters that it needs.

    Raises:
        PolicycError: one is missing.
    """
    missing = sorted(policy.required_parameters - parameters.keys())
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise PolicycError(f"the policy needs {names}: pass them as parameters")


def policy_digest(policy: Policy, parameters: Mapping[str, Any]) -> str:
    """The SHA-256 of the texts of a policy and its parameters, whatever its files are called."""
    return digest([list(policy.sources.values()), dict(parameters)])


def refusal_text(decision: Decision) -> str:
    """What stands in a trace in place of what did not happen or was not handed out."""
    return f"refused by the policy: {masked(decision.reason)}"


def masked_text(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """A text with pieces of it hidden; its length stays."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = MASK * (min(end, len(text)) - start)
    return "".join(characters)


def _spans(violation: Violation, place: int) -> list[tuple[int, int]]:
    """The parts of an output that a violation marks."""
    found = []
    for text in violation.ranges:
        path, span = parse_range(text)
        if path == (str(place), "content") and span is not None:
            found.append(span)
    return found


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
