"""The parts of a running server, and how its routes ask for an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from fastapi import HTTPException

from policyc import policies
from policyc.runtime.server.jobs import (
    Append,
    BadPolicy,
    BadTrace,
    Done,
    Fault,
    NeedsHistory,
    Sources,
)
from policyc.runtime.server.sessions import Sessions
from policyc.runtime.server.texts import error_text
from policyc.runtime.server.workers import Busy, Died, TooLate, Workers

if TYPE_CHECKING:
    from policyc.runtime.server.folder import Loaded
    from policyc.runtime.server.jobs import Answer, Job
    from policyc.runtime.server.metrics import Metrics
    from policyc.runtime.server.sessions import Session, Stream
    from policyc.runtime.server.settings import Settings
    from policyc.runtime.server.workers import Failure


HISTORY_PART: Final = 1000
"""Events of a session that may take another deadline when a worker has to be fed all of them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check came to. `problem`: why there is no verdict, in words; `status` of HTTP for
    clients that want that instead of a finding; `detail`: the same as our own API has it."""

    done: Done | None
    problem: str = ""
    status: int = 500
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def diagnostics(self) -> list[dict[str, Any]]:
        """Those of a policy that does not compile."""
        found: list[dict[str, Any]] = self.detail.get("diagnostics", [])
        return found

    @property
    def is_error(self) -> bool:
        """Whether something could not be evaluated."""
        return self.done is None or bool(self.done.errors)


@dataclass(slots=True)
class State:
    """What all requests share."""

    settings: Settings
    workers: Workers
    metrics: Metrics
    policies: dict[str, Loaded] = field(default_factory=dict)
    """The policies of the folder, by name; replaced as a whole."""
    sessions: Sessions[Session] = field(init=False)
    streams: Sessions[Stream] = field(init=False)

    def __post_init__(self) -> None:
        chosen = self.settings
        limits = (chosen.most_sessions, chosen.idle_seconds, chosen.most_kept)
        self.sessions = Sessions(*limits)
        self.streams = Sessions(*limits, self.workers.forget)

    def client_sources(self, *texts: tuple[str, str | None]) -> Sources:
        """A policy that a client sent. A text that the server has itself, because it is bundled or
        loaded, may do what it may do there."""
        own = {text for one in self.policies.values() for text, _ in one.sources.texts}
        is_own = all(text in own or text in _bundled() for text, _ in texts)
        return Sources(texts, is_trusted=is_own or self.settings.trusts_clients)

    async def judge(self, job: Job, owner: str) -> Verdict:
        """The verdict of a job; whatever goes wrong is one that has a problem."""
        with self.metrics.check() as check:
            answer = await self.workers.do(job, owner=owner)
            if isinstance(answer, NeedsHistory) and isinstance(job, Append):
                # Another worker has it, or the one that had it is gone.
                history = self.streams.get(job.session)
                events = [] if history is None else list(history.events)
                # Each of them had a deadline of its own.
                seconds = self.settings.deadline * (1 + len(events) // HISTORY_PART)
                job = replace(job, history=events)
                answer = await self.workers.do(job, owner=owner, seconds=seconds)
            verdict = _verdict(answer)
            check.outcome = "error" if verdict.is_error else "done"
        return verdict

    def texts(self, verdict: Verdict) -> list[Any]:
        """The findings of the Invariant APIs: what cannot be evaluated is one, unless the settings
        say that it is an error of HTTP.

        Raises:
            HTTPException: it is one.
        """
        if verdict.diagnostics:
            raise HTTPException(422, verdict.diagnostics)
        if verdict.is_error and self.settings.on_error == "http":
            problems = verdict.done.errors if verdict.done else (verdict.problem,)
            raise HTTPException(verdict.status, "; ".join(problems))
        if verdict.done is None:
            return [error_text("policyc", verdict.problem)]
        return [*verdict.done.findings, *verdict.done.errors]


@cache
def _bundled() -> frozenset[str]:
    return frozenset(policies.read(name) for name in policies.names())


def _verdict(answer: Answer | Failure) -> Verdict:
    match answer:
        case Done():
            return Verdict(answer)
        case BadPolicy(diagnostics=diagnostics):
            return _none("policy", "the policy has errors", 422, diagnostics=list(diagnostics))
        case BadTrace(path=path, message=message):
            told = f"the trace cannot be read: {path}: {message}"
            return _none("trace", told, 422, path=path, reason=message)
        case TooLate(seconds=seconds):
            return _none("deadline", f"no verdict within {seconds:g} seconds", 504)
        case Busy(seconds=seconds):
            told = f"all workers were busy for {seconds:g} seconds"
            return _none("busy", told, 503)
        case Died(reason=reason):
            return _none("fault", f"the evaluation broke off: {reason}", 500)
        case Fault(message=message):
            return _none("fault", f"policyc itself failed: {message}", 500)
        case NeedsHistory():
            return _none("fault", "the events of the session are gone", 500)


def _none(kind: str, problem: str, status: int, **more: Any) -> Verdict:
    return Verdict(None, problem, status, {"kind": kind, "message": problem, **more})
