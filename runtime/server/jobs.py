"""What a worker of the server does: compile policies, and judge traces with them.

A job and its answer are plain data, so that they cross the border between processes. Nothing here
knows of HTTP.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from policyc.compiler import typesystem as ts
from policyc.compiler.plan import CallFunction, Expr
from policyc.grammar.diagnostics import PolicyError
from policyc.grammar.source import Source
from policyc.runtime.engine import Engine, as_events, check_parameters
from policyc.runtime.loading import compile_program, loader
from policyc.runtime.monitor import Monitor
from policyc.runtime.results import AnalysisResult
from policyc.runtime.server.texts import rule_error_text, violation_text
from policyc.runtime.trace_access import TraceError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from policyc.runtime.program import Program

Event = dict[str, Any]
Form = Literal["json", "session", "stateless"]

MOST_POLICIES: Final = 128
"""Compiled policies that a worker keeps."""

MOST_MONITORS: Final = 512
"""Monitors that a worker keeps; another one is made again from the events of its session."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of a policy, each with what messages call it. One that `is_trusted` may reach
    beyond values, to files, models and services."""

    texts: tuple[tuple[str, str | None], ...]
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class Compile:
    """Compile a policy."""

    sources: Sources


@dataclass(frozen=True, slots=True)
class Judge:
    """Judge past and pending events, or a whole trace (`past` is None)."""

    sources: Sources
    past: list[Event] | None
    pending: list[Event]
    parameters: dict[str, Any] = field(default_factory=dict)
    form: Form = "json"
    default_risk: str = "high"


@dataclass(frozen=True, slots=True)
class Append:
    """Feed events to the monitor of a session, which has seen so many; `history`: all of these, for
    a worker that has no such monitor."""

    sources: Sources
    session: str
    seen: int
    events: list[Event]
    parameters: dict[str, Any]
    history: list[Event] | None = None


Job = Compile | Judge | Append


@dataclass(frozen=True, slots=True)
class Done:
    """The answer of a job: findings in the form that was asked for; the parameters of a policy.

    `errors`: the rules that failed, in words; in the form `json` they are in the findings as well.
    """

    findings: Any = None
    errors: tuple[str, ...] = ()
    warnings: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class BadPolicy:
    """The policy does not compile."""

    diagnostics: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class BadTrace:
    """An event cannot be read. `path`: a JSON path."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class NeedsHistory:
    """This worker has no monitor that has seen the events of the session."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something failed that should not. `is_last`: the worker has to be replaced."""

    message: str
    is_last: bool = False


Answer = Done | BadPolicy | BadTrace | NeedsHistory | Fault

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")


class _Recent(Generic[Key, Value]):
    """The values that were used last, up to a number."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Key, value: Value) -> Value:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value

    def drop(self, key: Key) -> None:
        self._values.pop(key, None)

    def clear(self) -> bool:
        """Drop all; whether there was any."""
        had_any = bool(self._values)
        self._values.clear()
        return had_any


@dataclass(frozen=True, slots=True)
class _Policy:
    """A compiled policy. `warnings`: its diagnostics. `plain`: the rules that raise a text."""

    engine: Engine
    warnings: tuple[dict[str, Any], ...]
    needs: dict[str, Any]
    plain: frozenset[str]

    @classmethod
    def of(cls, sources: Sources) -> _Policy:
        given = [Source(text, path) for text, path in sources.texts]
        program, diagnostics = compile_program(given, None, is_trusted=sources.is_trusted)
        warnings = tuple(one.to_dict() for one in diagnostics)
        plain = (rule.ref.name for rule in program.plan.rules if not _raises_violation(rule.value))
        engine = Engine(program, loader(None))
        return cls(engine, warnings, _needs(program), frozenset(plain))


def _raises_violation(value: Expr) -> bool:
    return isinstance(value, CallFunction) and value.signature.result == ts.VIOLATION


def _needs(program: Program) -> dict[str, Any]:
    generated = program.generated
    known = {**generated.defaults, **dict.fromkeys(generated.parameters)}
    return {"parameters": known, "required": sorted(generated.parameters)}


@dataclass(slots=True)
class _Watched:
    monitor: Monitor
    sources: Sources
    seen: int


class Jobs:
    """Does one job after the other, and keeps compiled policies and monitors between them."""

    def __init__(self) -> None:
        self._policies: _Recent[Sources, _Policy] = _Recent(MOST_POLICIES)
        self._monitors: _Recent[str, _Watched] = _Recent(MOST_MONITORS)

    def do(self, job: Job) -> Answer:
        """The answer of a job; a failure is an answer."""
        try:
            try:
                return self._do(job)
            except MemoryError:
                # What is kept for other policies and sessions can be made again.
                if not (self._policies.clear() | self._monitors.clear()):
                    raise
            return self._do(job)
        except PolicyError as error:
            return BadPolicy(tuple(one.to_dict() for one in error.diagnostics))
        except TraceError as error:
            return BadTrace(error.path, error.message)
        except MemoryError:
            return Fault("it needs more memory than an evaluation may have", is_last=True)
        except RecursionError:
            return BadTrace("$", "it is nested too deep")
        except Exception as error:
            return Fault(f"{type(error).__name__}: {error}")

    def forget(self, session: str) -> None:
        """Drop the monitor of a session."""
        self._monitors.drop(session)

    def _do(self, job: Job) -> Answer:
        match job:
            case Compile(sources=sources):
                policy = self._policy(sources)
                return Done(policy.needs, warnings=policy.warnings)
            case Judge():
                return self._judge(job)
            case Append():
                return self._append(job)

    def _policy(self, sources: Sources) -> _Policy:
        known = self._policies.get(sources)
        return known or self._policies.put(sources, _Policy.of(sources))

    def _judge(self, job: Judge) -> Answer:
        policy = self._policy(job.sources)
        check_parameters(job.parameters)
        pending = as_events(job.pending)
        if job.past is None:
            result = policy.engine.analyze(pending, job.parameters)
        else:
            past = as_events(job.past)
            result = policy.engine.analyze_pending(past, pending, job.parameters)
        errors = tuple(rule_error_text(error) for error in result.errors)
        if job.form == "json":
            return Done(_told(result), errors)
        events = [*(job.past or ()), *job.pending]
        if job.form == "session":
            texts = [violation_text(one, events, job.default_risk) for one in result]
            return Done(texts, errors)
        return Done(list(_stateless(policy, result, events, job.default_risk)), errors)

    def _append(self, job: Append) -> Answer:
        watched = self._monitors.get(job.session)
        if watched is None or watched.seen != job.seen or watched.sources != job.sources:
            if job.history is None and job.seen:
                return NeedsHistory()
            monitor = Monitor(self._policy(job.sources).engine, job.parameters)
            for event in job.history or ():
                monitor.append(event)
            watched = _Watched(monitor, job.sources, job.seen)
            self._monitors.put(job.session, watched)
        # What fails half way has to be made again from the events that the session has.
        self._monitors.drop(job.session)
        found = [watched.monitor.append(event) for event in job.events]
        watched.seen += len(job.events)
        self._monitors.put(job.session, watched)
        result = AnalysisResult(
            [violation for one in found for violation in one],
            errors=[error for one in found for error in one.errors],
        )
        return Done(_told(result), tuple(rule_error_text(error) for error in result.errors))


def _told(result: AnalysisResult) -> dict[str, Any]:
    """The JSON form of a result, with what a client needs to mask secrets in reports."""
    told = result.to_dict()
    for shown, violation in zip(told["violations"], result, strict=True):
        shown["secrets"] = violation.secrets
    return told


def _stateless(
    policy: _Policy, result: AnalysisResult, events: list[Event], default_risk: str
) -> Iterator[dict[str, Any]]:
    """The findings of the stateless API. Only where a rule raises a plain text does it say how
    many ranges there are."""
    for violation in result:
        counts = violation.rule.name in policy.plain
        text = violation_text(violation, events, default_risk, counts_ranges=counts)
        yield {"error": text, "ranges": [f"messages.{one}" for one in violation.ranges]}
