"""The session API of the Invariant analysis server: sessions with policies and monitors.

What OpenHands talks to. Checks have no memory: the same question has the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, model_validator

from policyc.runtime.server.answers import EventList, StrictRoute, full_is_429
from policyc.runtime.server.jobs import Compile, Judge
from policyc.runtime.server.sessions import Kind, Record, Session, chosen_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.server.state import State


class NewPolicy(BaseModel):
    """The text of a policy. It is kept as it is; compiled is what is used."""

    rule: str
    name: str | None = None


class NewMonitor(BaseModel):
    """The text of a policy, or a policy of the session."""

    rule: str | None = None
    policy_id: int | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.rule is None) == (self.policy_id is None):
            raise ValueError("exactly one of rule and policy_id must be given")
        return self


class Trace(BaseModel):
    """A whole trace."""

    trace: EventList


class Events(BaseModel):
    """Events that were judged before, and those in question."""

    past_events: EventList
    pending_events: EventList


def policy_record(session: Session, record: Record) -> dict[str, Any]:
    return {
        "rule": record.rule,
        "name": record.name,
        "session_id": session.id,
        "policy_id": record.id,
    }


def monitor_record(session: Session, record: Record) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "monitor_id": record.id,
        "rule": record.rule,
        "name": record.name,
    }


def session_routes(state: State, template: Callable[[], str]) -> APIRouter:
    """The routes; each with and without a slash at its end. `template`: the policy that clients
    begin with."""
    router = APIRouter(route_class=StrictRoute, tags=["sessions"])

    def on(method: str, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return both_spellings(router, method, path)

    def known(session_id: str) -> Session:
        session = state.sessions.get(session_id)
        if session is None:
            raise HTTPException(404, "Session not found")
        return session

    def record_of(session_id: str, kind: Kind, number: int) -> tuple[Session, Record]:
        session = state.sessions.get(session_id)
        if session is None or number not in session.of_kind(kind):
            raise HTTPException(404, f"{kind} not found")
        return session, session.of_kind(kind)[number]

    def add(session: Session, kind: Kind, rule: str, name: str | None) -> Record:
        record = session.record(kind, rule, name)
        with full_is_429():
            state.sessions.grow(session.id, record.size)
        session.of_kind(kind)[record.id] = record
        return record

    def drop(kind: Kind, session_id: str, number: int) -> dict[str, Any]:
        session, record = record_of(session_id, kind, number)
        del session.of_kind(kind)[record.id]
        state.sessions.shrink(session.id, record.size)
        return {"ok": True}

    # Routes are tried in this order: the one that is asked for each event comes first.

    async def findings(
        session: Session,
        record: Record,
        past: list[dict[str, Any]] | None,
        pending: list[dict[str, Any]],
    ) -> list[str]:
        risk = state.settings.default_risk
        sources = state.client_sources((record.rule, None))
        job = Judge(sources, past, pending, form="session", default_risk=risk)
        return state.texts(await state.judge(job, session.id))

    @on("POST", "/monitor/{monitor_id}/check")
    async def check(session_id: str, monitor_id: int, body: Events) -> list[str]:
        session, record = record_of(session_id, "Monitor", monitor_id)
        return await findings(session, record, body.past_events, body.pending_events)

    # --- sessions

    @on("GET", "/session/new")
    async def new_session(session_id: str | None = None) -> dict[str, Any]:
        wanted = chosen_id(session_id)
        if state.sessions.get(wanted) is None:
            with full_is_429():
                state.sessions.add(Session(wanted))
        return {"id": wanted}

    @on("GET", "/session")
    async def read_session(session_id: str) -> dict[str, Any]:
        return {"id": known(session_id).id}

    @on("DELETE", "/session")
    async def delete_session(session_id: str) -> dict[str, Any]:
        state.sessions.remove(known(session_id).id)
        return {"ok": True}

    # --- policies

    @on("GET", "/policy/template")
    async def policy_template() -> str:
        return template()

    @on("GET", "/policy")
    async def list_policies(session_id: str) -> list[dict[str, Any]]:
        session = state.sessions.get(session_id)
        if session is None:
            return []
        return [policy_record(session, session.policies[one]) for one in sorted(session.policies)]

    @on("POST", "/policy/new")
    async def new_policy(session_id: str, policy: NewPolicy) -> dict[str, Any]:
        session = known(session_id)
        record = add(session, "Policy", policy.rule, policy.name)
        return policy_record(session, record)

    @on("GET", "/policy/{policy_id}")
    async def read_policy(session_id: str, policy_id: int) -> dict[str, Any]:
        return policy_record(*record_of(session_id, "Policy", policy_id))

    @on("PUT", "/policy/{policy_id}")
    async def change_policy(session_id: str, policy_id: int, policy: NewPolicy) -> dict[str, Any]:
        session, record = record_of(session_id, "Policy", policy_id)
        with full_is_429():
            state.sessions.grow(session.id, len(policy.rule))
        state.sessions.shrink(session.id, len(record.rule))
        record.rule = policy.rule
        return policy_record(session, record)

    @on("DELETE", "/policy/{policy_id}")
    async def delete_policy(session_id: str, policy_id: int) -> dict[str, Any]:
        return drop("Policy", session_id, policy_id)

    @on("POST", "/policy/{policy_id}/analyze")
    async def analyze(session_id: str, policy_id: int, body: Trace) -> dict[str, Any]:
        session, record = record_of(session_id, "Policy", policy_id)
        return {
            "errors": await findings(session, record, None, body.trace),
            "handled_errors": [],
        }

    # --- monitors

    @on("GET", "/monitor")
    async def list_monitors(session_id: str) -> list[dict[str, Any]]:
        session = state.sessions.get(session_id)
        if session is None:
            return []
        return [monitor_record(session, session.monitors[one]) for one in sorted(session.monitors)]

    @on("POST", "/monitor/new")
    async def new_monitor(session_id: str, monitor: NewMonitor) -> dict[str, Any]:
        session = known(session_id)
        rule = monitor.rule
        if monitor.policy_id is not None:
            rule = record_of(session.id, "Policy", monitor.policy_id)[1].rule
        text = rule or ""
        verdict = await state.judge(Compile(state.client_sources((text, None))), session.id)
        if verdict.done is None:
            raise HTTPException(verdict.status, verdict.diagnostics or verdict.problem)
        # It may have ended meanwhile.
        session = known(session_id)
        return monitor_record(session, add(session, "Monitor", text, monitor.name))

    @on("GET", "/monitor/{monitor_id}")
    async def read_monitor(session_id: str, monitor_id: int) -> dict[str, Any]:
        return monitor_record(*record_of(session_id, "Monitor", monitor_id))

    @on("DELETE", "/monitor/{monitor_id}")
    async def delete_monitor(session_id: str, monitor_id: int) -> dict[str, Any]:
        return drop("Monitor", session_id, monitor_id)

    return router


def both_spellings(
    router: APIRouter, method: str, path: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A route with and without a slash at its end: some clients do not follow redirects."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        router.add_api_route(path, function, methods=[method], response_model=None)
        router.add_api_route(
            f"{path}/", function, methods=[method], response_model=None, include_in_schema=False
        )
        return function

    return register
