"""The stateless API of the Invariant analysis server: each request brings its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel

from policyc.runtime.server.answers import EventList, StrictRoute
from policyc.runtime.server.jobs import Judge
from policyc.runtime.server.session_api import both_spellings

if TYPE_CHECKING:
    from policyc.runtime.server.state import State

OWNER: Final = "stateless"


class Analysis(BaseModel):
    """A policy and a whole trace."""

    policy: str
    trace: EventList


class Check(BaseModel):
    """A policy, events that were judged before, and those in question."""

    policy: str
    past_events: EventList
    pending_events: EventList


def stateless_routes(state: State) -> APIRouter:
    """The routes; each with and without a slash at its end."""
    router = APIRouter(prefix="/api", route_class=StrictRoute, tags=["stateless"])

    async def findings(job: Judge) -> list[Any]:
        return state.texts(await state.judge(job, OWNER))

    async def analyze(body: Analysis) -> dict[str, Any]:
        risk = state.settings.default_risk
        job = Judge(
            state.client_sources((body.policy, None)),
            None,
            body.trace,
            form="stateless",
            default_risk=risk,
        )
        found = [
            one if isinstance(one, dict) else {"error": one, "ranges": []}
            for one in await findings(job)
        ]
        return {"errors": found, "handled_errors": []}

    async def check(body: Check) -> list[str]:
        risk = state.settings.default_risk
        job = Judge(
            state.client_sources((body.policy, None)),
            body.past_events,
            body.pending_events,
            form="stateless",
            default_risk=risk,
        )
        return [one["error"] if isinstance(one, dict) else one for one in await findings(job)]

    both_spellings(router, "POST", "/policy/analyze")(analyze)
    both_spellings(router, "POST", "/monitor/check")(check)
    return router
