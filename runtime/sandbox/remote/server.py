"""The runtime API over a provider of this machine. Needs the extra `policyc[server]`.

Whoever has the key may start whatever they want in sandboxes: clients judge before they ask, as
providers do what they are told. So it listens where only the machines of runners reach it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from fastapi import FastAPI, Query, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketDisconnect

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.failures import BackendError
from policyc.runtime.sandbox.failures import InvalidRequest, SandboxError
from policyc.runtime.sandbox.reaper import EVERY_SECONDS
from policyc.runtime.sandbox.remote.runtimes import LIMIT, Runtimes, StartRequest
from policyc.runtime.sandbox.remote.streaming import carry, in_thread
from policyc.runtime.sandbox.remote.wire import (
    KEY_HEADER,
    capabilities_to_dict,
    code_of,
    error_to_dict,
    runtime_of,
)
from policyc.runtime.server.announcing import AnnouncingServer
from policyc.runtime.server.answers import Json, http_error, wrong_input
from policyc.runtime.server.connections import Connection
from policyc.runtime.server.guard import OPEN_PATHS, Guard, Refused
from policyc.runtime.server.settings import Settings

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Scope

    from policyc.runtime.sandbox.provider import Provider
    from policyc.runtime.sandbox.spec import Loosening

MOST_PROCESSES: Final = 256
"""That are carried at once."""

SHORTEST_KEY: Final = 16
"""Characters; shorter ones can be tried out."""

GRACE_SECONDS: Final = 10

_MOST_BYTES: Final = 1024 * 1024
_MOST_IN_BATCH: Final = 100
_requests = logging.getLogger("policyc.sandbox.requests")


class RuntimeId(BaseModel):
    """Which sandbox is meant."""

    model_config = ConfigDict(extra="forbid")

    runtime_id: str


class _KeyGuard(Guard):
    """Refuses requests without the key."""

    def __init__(self, app: Any, key: str) -> None:
        super().__init__(
            app,
            Settings(workers=1, most_bytes=_MOST_BYTES),
            lambda done: _requests.info("request", extra=done),
        )
        self._key = key

    def _check(self, scope: Scope) -> None:
        if scope["path"] not in OPEN_PATHS and not _has_key(scope, self._key):
            raise Refused(401, f"{KEY_HEADER} is missing or wrong")
        super()._check(scope)


def _has_key(scope: Scope, key: str) -> bool:
    wanted = KEY_HEADER.lower().encode()
    given = next((value for name, value in scope["headers"] if name == wanted), b"")
    return hmac.compare_digest(given, key.encode())


def make_app(
    provider: Provider,
    key: str,
    *,
    limit: int | None = LIMIT,
    begin: str | None = None,
    loosened: frozenset[Loosening] = frozenset(),
    sweep_seconds: float = EVERY_SECONDS,
) -> FastAPI:
    """A server of its own.

    Args:
        provider: runs the sandboxes; it is closed with the server, the sandboxes live on.
        key: what clients have to send as `X-API-Key`.
        limit: sandboxes that hold resources at once (None: any number); one more is 429.
        begin: what the ids of sandboxes begin with.
        loosened: protections that clients may do without.
        sweep_seconds: between two looks for sandboxes whose time is up.

    Raises:
        InvalidRequest: the key is too short.
    """
    if len(key) < SHORTEST_KEY:
        raise InvalidRequest(f"a key has at least {SHORTEST_KEY} characters")
    runtimes = Runtimes(provider, limit=limit, begin=begin, loosened=loosened)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(runtimes, sweep_seconds))
        try:
            yield
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            provider.close()

    app = FastAPI(
        title="policyc sandboxes",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Json,
    )

    @app.exception_handler(RequestValidationError)
    async def on_wrong_input(_request: Request, error: RequestValidationError) -> Response:
        return wrong_input(error)

    @app.exception_handler(HTTPException)
    async def on_http_error(_request: Request, error: HTTPException) -> Response:
        return http_error(error)

    @app.exception_handler(PolicycError)
    async def on_error(_request: Request, error: PolicycError) -> Response:
        return Json(error_to_dict(error), status_code=code_of(error))

    _add_routes(app, runtimes)
    _add_process_route(app, runtimes, key)
    app.add_middleware(_KeyGuard, key=key)
    return app


def _add_routes(app: FastAPI, runtimes: Runtimes) -> None:
    """The routes that are asked and answered; each asks the provider in a thread of its own."""
    provider = runtimes.provider

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok"}

    @app.get("/probe")
    async def probe() -> dict[str, Any]:
        return capabilities_to_dict(await in_thread(provider.probe))

    @app.post("/start")
    async def start(request: StartRequest) -> dict[str, Any]:
        return runtime_of(await in_thread(runtimes.start, request))

    @app.get("/list")
    async def list_all() -> dict[str, Any]:
        return {"runtimes": [runtime_of(one) for one in await in_thread(runtimes.records)]}

    @app.get("/sessions/batch")
    async def batch(ids: list[str] = Query(max_length=_MOST_IN_BATCH)) -> list[dict[str, Any]]:  # noqa: B008
        found = await in_thread(runtimes.records)
        return [runtime_of(one) for one in found if one.id in ids]

    @app.get("/sessions/{sandbox}")
    async def session(sandbox: str) -> dict[str, Any]:
        return runtime_of(await in_thread(runtimes.present, sandbox))

    @app.get("/sessions/{sandbox}/usage")
    async def usage(sandbox: str) -> dict[str, Any]:
        await in_thread(runtimes.present, sandbox)
        found = await in_thread(provider.usage, sandbox)
        return {
            "memory": found.memory,
            "processes": found.processes,
            "cpu_seconds": found.cpu_seconds,
        }

    @app.get("/sessions/{sandbox}/attestation")
    async def attestation(sandbox: str) -> dict[str, str]:
        await in_thread(runtimes.present, sandbox)
        return dict(await in_thread(provider.attestation, sandbox))

    async def done(sandbox: str, do: Callable[[str], None]) -> dict[str, Any]:
        await in_thread(runtimes.present, sandbox)
        await in_thread(do, sandbox)
        return {"runtime_id": sandbox, "session_id": sandbox}

    @app.post("/pause")
    async def pause(which: RuntimeId) -> dict[str, Any]:
        return await done(which.runtime_id, provider.pause)

    @app.post("/resume")
    async def resume(which: RuntimeId) -> dict[str, Any]:
        return await done(which.runtime_id, runtimes.resume)

    @app.post("/stop")
    async def stop(which: RuntimeId) -> dict[str, Any]:
        return await done(which.runtime_id, runtimes.remove)

    @app.post("/kill")
    async def kill(which: RuntimeId) -> dict[str, Any]:
        return await done(which.runtime_id, provider.kill_processes)


def _add_process_route(app: FastAPI, runtimes: Runtimes, key: str) -> None:
    """The route of a process; `streaming` says what goes over it."""
    count = 0

    @app.websocket("/sessions/{sandbox}/process")
    async def process(websocket: WebSocket, sandbox: str) -> None:
        nonlocal count
        refusal = _refusal(websocket, key, count)
        if refusal is not None:
            await websocket.send_denial_response(refusal)
            return
        count += 1
        try:
            await websocket.accept()
            await carry(websocket, runtimes, sandbox)
            await websocket.close()
        except (WebSocketDisconnect, TimeoutError, RuntimeError):
            return  # the client is gone, or too slow
        finally:
            count -= 1


def _refusal(websocket: WebSocket, key: str, count: int) -> Response | None:
    """Why a connection is not accepted."""
    if not _has_key(websocket.scope, key):
        return Json({"detail": f"{KEY_HEADER} is missing or wrong"}, status_code=401)
    if "origin" in websocket.headers:
        return Json({"detail": "browsers are not served"}, status_code=403)
    if count >= MOST_PROCESSES:
        detail = f"{MOST_PROCESSES} processes are carried already"
        return Json({"detail": detail, "kind": "LimitReached"}, status_code=429)
    return None


async def _sweep(runtimes: Runtimes, seconds: float) -> None:
    while True:
        with suppress(SandboxError):
            await in_thread(runtimes.sweep)
        await asyncio.sleep(seconds)


def serve(
    provider: Provider,
    key: str,
    listening: socket.socket,
    *,
    limit: int | None = LIMIT,
    begin: str | None = None,
    loosened: frozenset[Loosening] = frozenset(),
    say: Callable[[str], None],
) -> None:
    """Serve on a socket until SIGTERM or SIGINT.

    Args:
        say: gets a line with the address, once it can be asked.

    Raises:
        ProviderUnavailable: the provider does not work on this machine.
        BackendError: the server cannot be started.
    """
    provider.probe()
    app = make_app(provider, key, limit=limit, begin=begin, loosened=loosened)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    server = AnnouncingServer(config_of(app), lambda: say(f"sandboxes are served on {address}"))
    server.run(sockets=[listening])
    if not server.started:
        raise BackendError("the server could not be started; the log says why")


def config_of(app: FastAPI) -> uvicorn.Config:
    """How it is served."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
        http=Connection,
        ws="websockets-sansio",
        ws_ping_interval=None,
        ws_max_size=_MOST_BYTES,
    )
