"""The application: routes, what every request passes first, and what runs beside them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from policyc.runtime.loading import read_source
from policyc.runtime.server.answers import Json, http_error, wrong_input
from policyc.runtime.server.folder import load, watch
from policyc.runtime.server.guard import Guard
from policyc.runtime.server.metrics import Metrics
from policyc.runtime.server.own_api import own_routes
from policyc.runtime.server.session_api import session_routes
from policyc.runtime.server.state import State
from policyc.runtime.server.stateless_api import stateless_routes
from policyc.runtime.server.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.types import ASGIApp

    from policyc.runtime.server.settings import Settings

PROTOCOL = 1
"""Goes up when `/v1` changes so that older clients cannot use it."""

TEMPLATE = "policy:openhands"
"""The policy that the session API gives to clients that have none."""

SWEEP_SECONDS = 30
"""Between two looks for sessions that are over."""

_requests = logging.getLogger("policyc.server.requests")


def make_app(settings: Settings, policies: Sequence[str] = (), *, watches: bool = False) -> ASGIApp:
    """A server of its own.

    Args:
        policies: files, folders and bundled policies that `/v1` knows by name.
        watches: they are loaded again when a file changes.

    Raises:
        LoadError: when it starts: a policy cannot be loaded.
    """
    workers = Workers(
        settings.workers,
        deadline=settings.deadline,
        memory=settings.memory,
        wait=settings.wait_seconds,
    )
    state = State(settings, workers, Metrics())

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        await workers.warm()
        await load(state, policies)
        beside = [asyncio.create_task(_sweep(state))]
        if watches:
            beside.append(asyncio.create_task(watch(state, policies)))
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await workers.close()

    app = FastAPI(
        title="policyc",
        version=version("policyc"),
        description="Policies for AI agents, evaluated.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Json,
    )
    app.state.policyc = state

    @app.exception_handler(RequestValidationError)
    async def on_wrong_input(_request: Request, error: RequestValidationError) -> Response:
        return wrong_input(error)

    @app.exception_handler(HTTPException)
    async def on_http_error(_request: Request, error: HTTPException) -> Response:
        return http_error(error)

    @app.head("/", include_in_schema=False)
    @app.get("/")
    async def root() -> dict[str, Any]:
        return {"ok": True}

    @app.head("/health", include_in_schema=False)
    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok"}

    @app.get("/version")
    async def versions() -> dict[str, Any]:
        return {"name": "policyc", "version": version("policyc"), "protocol": PROTOCOL}

    @app.get("/metrics")
    async def metrics() -> Response:
        text = state.metrics.text(state)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    # They are tried in this order: those that are asked most come first.
    app.include_router(own_routes(state))
    app.include_router(session_routes(state, lambda: read_source(TEMPLATE).text))
    app.include_router(stateless_routes(state))

    def on_done(done: dict[str, Any]) -> None:
        state.metrics.request(done)
        _requests.info("request", extra=done)

    app.add_middleware(Guard, settings=settings, on_done=on_done)
    return app


async def _sweep(state: State) -> None:
    """End the sessions that were not used for long, also where nobody asks for more."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        state.sessions.sweep()
        state.streams.sweep()
