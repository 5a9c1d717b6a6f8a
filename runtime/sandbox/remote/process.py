"""A process in a sandbox on another machine, over a connection of its own."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.failures import ProviderUnavailable, SandboxError, SandboxLost
from policyc.runtime.sandbox.framed import FramedProcess
from policyc.runtime.sandbox.provider import Chunk, Finish
from policyc.runtime.sandbox.remote.wire import (
    HEARTBEAT_SECONDS,
    KEY_HEADER,
    PIECE,
    Frame,
    error_of,
    finish_of,
    frame,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from websockets.sync.client import ClientConnection

SILENCE_SECONDS: Final = 4 * HEARTBEAT_SECONDS
"""A server that says nothing for so long is gone."""

_MOST_BYTES: Final = 1024 * 1024
"""Of a frame."""
_CLOSE_SECONDS: Final = 1.0
_LOST: Final = Finish(lost="provider")


class RemoteProcess(FramedProcess):
    """A process that a runtime API runs; `start` makes one."""

    def __init__(self, connection: ClientConnection, closing: ExitStack) -> None:
        """`closing` closes the connection."""
        super().__init__()
        self._connection = connection
        self._closing = closing
        self._reads_input = True
        self._heard = time.monotonic()

    def write(self, data: bytes) -> None:
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

        for start in range(0, len(data), PIECE):
            if not self._reads_input:
                raise BrokenPipeError("its standard input is closed")
            try:
                self._connection.send(frame(Frame.INPUT, data[start : start + PIECE]))
            except ConnectionClosed:
                raise BrokenPipeError("the connection to the runtime API is closed") from None

    def close_input(self) -> None:
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

        if self._reads_input:
            self._reads_input = False
            with suppress(ConnectionClosed):
                self._connection.send(frame(Frame.INPUT_END))

    def close(self) -> None:
        self._closing.close()

    def _receive(self, end: float | None) -> None:
        """Take in a frame.

        Raises:
            TimeoutError: there is none until then.
            SandboxError: the server tells of one.
        """
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

        # Also who waits for ever has to notice that the server is gone.
        silent = self._heard + SILENCE_SECONDS
        until = silent if end is None else min(end, silent)
        try:
            data = self._connection.recv(max(0.0, until - time.monotonic()))
        except TimeoutError:
            if time.monotonic() < silent:
                raise
            self._lose()
            return
        except ConnectionClosed:
            self._lose()
            return
        self._heard = time.monotonic()
        if isinstance(data, bytes) and data:
            self._take(data[0], data[1:])

    def _take(self, kind: int, data: bytes) -> None:
        match kind:
            case Frame.OUTPUT:
                self._chunks.append(Chunk("stdout", data))
            case Frame.ERRORS:
                self._chunks.append(Chunk("stderr", data))
            case Frame.OUTPUT_END:
                self._is_at_end = True
            case Frame.INPUT_CLOSED:
                self._reads_input = False
            case Frame.FINISH:
                self._finish = finish_of(data)
            case Frame.FAILURE:
                self._lose()
                raise error_of(_json(data))
            case _:  # a heartbeat
                pass

    def _lose(self) -> None:
        """The server says nothing more."""
        self._is_at_end = True
        self._finish = self._finish or _LOST


def start(
    url: str,
    key: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    connect_seconds: float,
    start_seconds: float,
) -> RemoteProcess:
    """Start a process.

    Args:
        url: of the route, `ws://` or `wss://`.
        connect_seconds: for the server to answer at all.
        start_seconds: for it to start the process.

    Raises:
        ProviderUnavailable: the extra is not installed.
        SandboxLost: the server is not there.
        SandboxError: it refuses.
    """
    try:
        from websockets.exceptions import InvalidHandshake, InvalidStatus  # noqa: PLC0415
        from websockets.sync.client import connect  # noqa: PLC0415
    except ImportError:
        raise ProviderUnavailable(
            "sandboxes on another machine need websockets: pip install 'policyc[remote]'"
        ) from None

    with ExitStack() as closing:
        try:
            # No pings: one that does not read is no dead one. The server says that it is there.
            connection = closing.enter_context(
                connect(
                    url,
                    additional_headers={KEY_HEADER: key},
                    proxy=None,
                    compression=None,
                    open_timeout=connect_seconds,
                    close_timeout=_CLOSE_SECONDS,
                    ping_interval=None,
                    max_size=_MOST_BYTES,
                    max_queue=16,
                )
            )
        except InvalidStatus as error:
            told = _json(bytes(error.response.body or b""))
            raise error_of(told, error.response.status_code) from None
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise SandboxLost(f"the runtime API cannot be reached: {error}") from None
        connection.send(json.dumps({"argv": list(argv), "environment": dict(environment)}))
        _check_started(connection, start_seconds)
        return RemoteProcess(connection, closing.pop_all())


def _check_started(connection: ClientConnection, seconds: float) -> None:
    """Wait until the process was started."""
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

    try:
        answer = json.loads(connection.recv(seconds))
    except TimeoutError:
        raise SandboxLost(
            f"the runtime API did not start a process within {seconds:g} seconds"
        ) from None
    except ConnectionClosed:
        raise SandboxLost("the runtime API closed the connection") from None
    except ValueError:
        raise SandboxError("the runtime API gave an answer that is none") from None
    if answer != {"started": True}:
        raise error_of(answer)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
