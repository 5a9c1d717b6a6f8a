"""`/v1`: our own API. Policies by name or text, structured results, sessions that are sent only
what is new.

Unlike the Invariant APIs it says with the status of HTTP that there is no verdict: clients have to
take every status but 200 for a refusal.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any, Self

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field, model_validator

from policyc.runtime.server.answers import EventList, StrictRoute, full_is_429
from policyc.runtime.server.jobs import Append, Compile, Judge
from policyc.runtime.server.sessions import RECORD_BYTES, Stream

if TYPE_CHECKING:
    from policyc.runtime.server.jobs import Sources
    from policyc.runtime.server.state import State, Verdict


class Source(BaseModel):
    """A text of a policy; `path` is what messages call it."""

    text: str
    path: str | None = None


class ChosenPolicy(BaseModel):
    """A policy by the name under which the server has it, or by its texts."""

    policy: str | None = None
    sources: Annotated[list[Source], Field(min_length=1, fail_fast=True)] | None = None
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.policy is None) == (self.sources is None):
            raise ValueError("exactly one of policy (a name) and sources must be given")
        return self


class Check(ChosenPolicy):
    """A whole trace, or past and pending events."""

    trace: EventList | None = None
    past: EventList | None = None
    pending: EventList | None = None

    @model_validator(mode="after")
    def _has_events(self) -> Self:
        if (self.trace is None) == (self.pending is None):
            raise ValueError("exactly one of trace and pending must be given")
        if self.past is not None and self.pending is None:
            raise ValueError("past events are given together with pending ones")
        return self


class NewEvents(BaseModel):
    """The next events. `after`: how many the session has before, where the client knows it: a
    request that was sent twice is noticed."""

    events: EventList
    after: int | None = Field(default=None, ge=0)


def own_routes(state: State) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["v1"])

    def sources_of(chosen: ChosenPolicy) -> Sources:
        if chosen.sources is not None:
            return state.client_sources(*((one.text, one.path) for one in chosen.sources))
        loaded = state.policies.get(chosen.policy or "")
        if loaded is None:
            raise HTTPException(404, f"there is no policy `{chosen.policy}`")
        return loaded.sources

    def stream_of(session_id: str) -> Stream:
        stream = state.streams.get(session_id)
        if stream is None:
            raise HTTPException(404, f"there is no session `{session_id}`")
        return stream

    # They are tried in this order: those that are asked for each event come first.

    @router.post("/sessions/{session_id}/events")
    async def append(session_id: str, new: NewEvents, request: Request) -> dict[str, Any]:
        """Judge the next events: what they complete is reported. They belong to the session once
        there is a verdict; without one the session is as before."""
        lock = stream_of(session_id).lock
        async with lock:
            # It may have ended meanwhile.
            stream = stream_of(session_id)
            seen = len(stream.events)
            if new.after is not None and new.after != seen:
                raise HTTPException(409, f"the session has {seen} events, not {new.after}")
            if seen + len(new.events) > state.settings.most_events:
                raise HTTPException(413, "the session has too many events")
            job = Append(stream.sources, stream.id, seen, new.events, stream.parameters)
            with full_is_429():
                state.streams.grow(stream.id, size := len(await request.body()))
            try:
                result = _result(await state.judge(job, stream.id))
            except BaseException:
                state.streams.shrink(stream.id, size)
                raise
            stream.events += new.events
            return {**result, "events": len(stream.events)}

    @router.post("/check")
    async def check(asked: Check) -> dict[str, Any]:
        past = asked.past
        if asked.pending is not None:
            past = past or []
        events = asked.trace if asked.trace is not None else asked.pending
        job = Judge(sources_of(asked), past, events or [], asked.parameters)
        return _result(await state.judge(job, "v1"))

    @router.get("/policies")
    async def list_policies() -> dict[str, Any]:
        return {
            "policies": [
                {"name": one.name, "digest": one.digest, **one.needs}
                for one in state.policies.values()
            ]
        }

    @router.post("/compile")
    async def compile_policy(chosen: ChosenPolicy) -> dict[str, Any]:
        verdict = await state.judge(Compile(sources_of(chosen)), "v1")
        if verdict.done is not None:
            found = list(verdict.done.warnings)
            return {"ok": True, "diagnostics": found, **verdict.done.findings}
        if not verdict.diagnostics:
            raise _refusal(verdict)
        return {"ok": False, "diagnostics": verdict.diagnostics}

    @router.post("/sessions", status_code=201)
    async def new_session(chosen: ChosenPolicy, request: Request) -> dict[str, Any]:
        sources = sources_of(chosen)
        verdict = await state.judge(Compile(sources), "v1")
        if verdict.done is None:
            raise _refusal(verdict)
        stream = Stream(secrets.token_urlsafe(16), chosen.policy, sources, chosen.parameters)
        size = RECORD_BYTES
        if chosen.sources is not None:
            size += len(await request.body())
        with full_is_429():
            state.streams.add(stream, size)
        return _described(stream)

    @router.get("/sessions/{session_id}")
    async def read_session(session_id: str) -> dict[str, Any]:
        return _described(stream_of(session_id))

    @router.delete("/sessions/{session_id}")
    async def end_session(session_id: str) -> dict[str, Any]:
        if not state.streams.remove(session_id):
            raise HTTPException(404, f"there is no session `{session_id}`")
        return {"ok": True}

    return router


def _described(stream: Stream) -> dict[str, Any]:
    return {"id": stream.id, "policy": stream.policy, "events": len(stream.events)}


def _result(verdict: Verdict) -> dict[str, Any]:
    """The result of an analysis.

    Raises:
        HTTPException: there is none.
    """
    if verdict.done is None:
        raise _refusal(verdict)
    result: dict[str, Any] = verdict.done.findings
    return result


def _refusal(verdict: Verdict) -> HTTPException:
    return HTTPException(verdict.status, verdict.detail)
