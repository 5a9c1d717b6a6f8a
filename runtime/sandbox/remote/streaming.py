"""A process of a sandbox over a WebSocket: its input, its output, how it ended.

What a provider does, it does in a thread of its own, so a process that hangs keeps nobody else
waiting. Where the client is slow, the process waits; where the client is gone, the process is let
go of, not killed: that is asked for by `/kill`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocketDisconnect

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.sandbox.failures import InvalidRequest, SandboxError
from policyc.runtime.sandbox.remote.wire import HEARTBEAT_SECONDS, Frame, error_to_dict, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import WebSocket

    from policyc.runtime.sandbox.provider import Process
    from policyc.runtime.sandbox.remote.runtimes import Runtimes

REQUEST_SECONDS: Final = 10.0
"""For the client to say what is to be started."""

SEND_SECONDS: Final = 600.0
"""For a client to take what a process wrote; a slower one is let go of."""

_LOOK_SECONDS: Final = 0.1
"""Between two looks whether a process that says nothing has ended."""
_FINISH_SECONDS: Final = 1.0


class ProcessRequest(BaseModel):
    """What is to be started."""

    model_config = ConfigDict(extra="forbid", strict=True)

    argv: list[str] = Field(min_length=1)
    environment: dict[str, str] = Field(default_factory=dict)


async def carry(websocket: WebSocket, runtimes: Runtimes, sandbox: str) -> None:
    """Start the process that the client of an accepted connection asks for, and carry it to its
    end."""
    try:
        request = await _request(websocket)
        await in_thread(runtimes.present, sandbox)
        process = await in_thread(
            runtimes.provider.start_process, sandbox, request.argv, request.environment
        )
    except PolicycError as error:
        await websocket.send_text(json.dumps(error_to_dict(error)))
        return
    try:
        with runtimes.use(sandbox):
            await websocket.send_text(json.dumps({"started": True}))
            await _carry(websocket, process)
    finally:
        await in_thread(process.close)


async def _request(websocket: WebSocket) -> ProcessRequest:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return ProcessRequest.model_validate_json(await websocket.receive_text())
    except TimeoutError:
        raise InvalidRequest("it was not said in time what is to be started") from None
    except (ValidationError, KeyError):
        raise InvalidRequest("`argv` must be a list of texts, `environment` an object") from None


async def _carry(websocket: WebSocket, process: Process) -> None:
    """Both directions, until the process ended or the client is gone."""
    output = asyncio.create_task(_send_output(websocket, process))
    entered = asyncio.create_task(_receive_input(websocket, process))
    await asyncio.wait({output, entered}, return_when=asyncio.FIRST_COMPLETED)
    if entered.done():
        # Only now: it may be in the middle of a look at the process.
        output.cancel()
    entered.cancel()
    await asyncio.gather(output, entered, return_exceptions=True)
    if output.done() and not output.cancelled() and (error := output.exception()):
        if not isinstance(error, PolicycError):
            raise error
        told = json.dumps(error_to_dict(error)).encode()
        await websocket.send_bytes(frame(Frame.FAILURE, told))


async def _receive_input(websocket: WebSocket, process: Process) -> None:
    """From the client to the process, until the client is gone."""
    reads = True
    with suppress(WebSocketDisconnect, KeyError):
        while True:
            data = await websocket.receive_bytes()
            kind = data[0] if data else None
            if kind == Frame.INPUT and reads:
                try:
                    await in_thread(process.write, data[1:], is_waited_for=False)
                except (OSError, SandboxError):
                    reads = False
                    await websocket.send_bytes(frame(Frame.INPUT_CLOSED))
            elif kind == Frame.INPUT_END:
                reads = False
                await in_thread(process.close_input)


async def _send_output(websocket: WebSocket, process: Process) -> None:
    """From the process to the client, until it ended and its streams did."""
    is_open, has_ended = True, False
    said = time.monotonic()
    while is_open or not has_ended:
        one = await in_thread(_next_frame, process, is_open, has_ended)
        if one is None:
            if time.monotonic() - said < HEARTBEAT_SECONDS:
                continue
            one = frame(Frame.HEARTBEAT)
        is_open &= one[0] != Frame.OUTPUT_END
        has_ended |= one[0] == Frame.FINISH
        async with asyncio.timeout(SEND_SECONDS):
            await websocket.send_bytes(one)
        said = time.monotonic()


def _next_frame(process: Process, is_open: bool, has_ended: bool) -> bytes | None:
    """What there is to be said of a process; None: nothing yet."""
    if is_open:
        with suppress(TimeoutError):
            chunk = process.read(_LOOK_SECONDS)
            if chunk is None:
                return frame(Frame.OUTPUT_END)
            kind = Frame.OUTPUT if chunk.stream == "stdout" else Frame.ERRORS
            return frame(kind, chunk.data)
    if not has_ended:
        with suppress(TimeoutError):
            finish = process.finish(_LOOK_SECONDS if is_open else _FINISH_SECONDS)
            return frame(Frame.FINISH, json.dumps(asdict(finish)).encode())
    return None


async def in_thread(
    function: Callable[..., Any], *arguments: Any, is_waited_for: bool = True
) -> Any:
    """What a function gives that may take long, from a thread that nothing waits for at the end of
    the program.

    Args:
        is_waited_for: also where this is cancelled, so that nobody closes a process that is looked
            at. To write may take until it is closed.
    """
    done: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def work() -> None:
        try:
            done.set_result(function(*arguments))
        except BaseException as error:  # told to who waits
            done.set_exception(error)

    threading.Thread(target=work, name="sandbox-runtime", daemon=True).start()
    waiting = asyncio.wrap_future(done)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        if is_waited_for:
            await asyncio.wait({waiting})
        raise
