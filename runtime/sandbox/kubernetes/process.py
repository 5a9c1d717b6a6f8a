"""A process in a pod, over the stream that the cluster opens for it.

The frames are read here, one at a time: the client of the library goes on as long as there are
any, so a process that never stops writing would fill the memory.
"""

from __future__ import annotations

import json
import select
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.failures import ProviderUnavailable, SandboxLost
from policyc.runtime.sandbox.framed import FramedProcess
from policyc.runtime.sandbox.kubernetes.cluster import TIMEOUT, told
from policyc.runtime.sandbox.kubernetes.manifests import CONTAINER, pod_name
from policyc.runtime.sandbox.provider import Chunk, Finish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyc.runtime.sandbox.kubernetes.cluster import Cluster

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
STATUS: Final = 3
CLOSE: Final = 255

PROTOCOL: Final = "v5.channel.k8s.io"
"""The first in which the end of the input can be told."""

PIECE: Final = 32 * 1024
FRAME_SECONDS: Final = 30.0
"""For the rest of a frame that has begun."""


class PodProcess(FramedProcess):
    """A process in a pod; `start` makes one. `is_there` says whether the pod still is."""

    def __init__(self, stream: Any, core: Any, is_there: Callable[[], bool]) -> None:
        super().__init__()
        self._stream = stream
        self._core = core
        self._is_there = is_there
        self._writing = threading.Lock()
        self._has_input = True

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            self._send(bytes([STDIN]) + data[start : start + PIECE])

    def close_input(self) -> None:
        with suppress(BrokenPipeError):
            if self._has_input:
                self._send(bytes([CLOSE, STDIN]))
        self._has_input = False

    def close(self) -> None:
        with suppress(OSError):
            # Without waiting for an answer: the cluster may not give one.
            self._stream.sock.shutdown()
        self._core.api_client.close()

    def _send(self, data: bytes) -> None:
        from websocket import ABNF, WebSocketException  # noqa: PLC0415  # slow to load

        with self._writing:
            if not self._has_input or self._is_at_end:
                raise BrokenPipeError("its standard input is closed")
            try:
                self._stream.sock.send(data, opcode=ABNF.OPCODE_BINARY)
            except (WebSocketException, OSError):
                raise BrokenPipeError("it does not read any more") from None

    def _receive(self, end: float | None) -> None:
        """Take in a frame.

        Raises:
            TimeoutError: there is none until then.
        """
        from websocket import ABNF, WebSocketException  # noqa: PLC0415  # slow to load

        socket = self._stream.sock
        if not self._is_ready(end):
            raise TimeoutError("it says nothing")
        try:
            opcode, frame = socket.recv_data_frame(control_frame=True)
        except (WebSocketException, OSError):
            self._end()
            return
        if opcode == ABNF.OPCODE_CLOSE:
            self._end()
        elif opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
            self._take(frame.data[0], bytes(frame.data[1:]))

    def _is_ready(self, end: float | None) -> bool:
        """Whether there is something to be received."""
        connection = self._stream.sock.sock
        if connection is None:
            return True  # it is closed, which is what will be found
        # What an encrypted connection has taken in already, the system does not know of.
        if getattr(connection, "pending", lambda: 0)():
            return True
        waiting = select.poll()
        waiting.register(connection, select.POLLIN)
        left = None if end is None else max(0.0, end - time.monotonic()) * 1000
        return bool(waiting.poll(left))

    def _take(self, channel: int, data: bytes) -> None:
        if channel == STDOUT and data:
            self._chunks.append(Chunk("stdout", data))
        elif channel == STDERR and data:
            self._chunks.append(Chunk("stderr", data))
        elif channel == STATUS and data:
            # It is sent when the process and its streams are at their end.
            self._finish = _finish_of(data)
            self._is_at_end = True

    def _end(self) -> None:
        """The connection is at its end."""
        self._is_at_end = True
        if self._finish is None:
            self._finish = Finish(lost="provider" if self._is_there() else "sandbox")


def _finish_of(data: bytes) -> Finish:
    """How a process ended, of the status that the cluster tells. One that a signal ended has a
    code of 128 and its number: the cluster tells no more."""
    try:
        status = json.loads(data)
        if status["status"] == "Success":
            return Finish(exit_code=0)
        causes = {one["reason"]: one["message"] for one in status["details"]["causes"]}
        return Finish(exit_code=int(causes["ExitCode"]))
    except (ValueError, KeyError, TypeError):
        return Finish(lost="provider")


def _within(seconds: float, open_stream: Callable[[], Any]) -> Any:
    """What a function opens: the library waits for ever for a cluster that does not answer.

    Raises:
        OSError: it took too long; what it opens afterwards is closed.
    """
    opened: list[Any] = []
    failure: list[BaseException] = []
    lock = threading.Lock()
    is_over = threading.Event()
    is_late = False

    def work() -> None:
        try:
            found = open_stream()
        except BaseException as error:
            failure.append(error)
        else:
            with lock:
                opened.append(found)
                if is_late:
                    found.close()
        is_over.set()

    threading.Thread(target=work, name="sandbox-stream", daemon=True).start()
    is_over.wait(seconds)
    with lock:
        is_late = not opened
    if failure:
        raise failure[0]
    if is_late:
        raise OSError(f"no stream was opened within {seconds:g} seconds")
    return opened[0]


def start(
    cluster: Cluster, sandbox: str, command: Sequence[str], is_there: Callable[[], bool]
) -> PodProcess:
    """Start a process.

    Raises:
        ProviderUnavailable: the cluster is too old.
        SandboxLost: it does not answer.
        SandboxError: it refuses.
    """
    from kubernetes.stream import stream  # noqa: PLC0415  # slow to load

    core = cluster.new_core()

    def open_stream() -> Any:
        return stream(
            core.connect_get_namespaced_pod_exec,
            pod_name(sandbox),
            cluster.namespace,
            container=CONTAINER,
            command=list(command),
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            binary=True,
            _preload_content=False,
        )

    try:
        with told(cluster, sandbox):
            opened = _within(sum(TIMEOUT), open_stream)
        if opened.subprotocol != PROTOCOL:
            opened.close()
            raise ProviderUnavailable(
                f"the cluster `{cluster.host}` cannot be told where the input of a command ends "
                f"(it speaks {opened.subprotocol or 'no known protocol'}): it must be Kubernetes "
                "1.30 or newer"
            )
    except BaseException:
        core.api_client.close()
        raise
    if opened.sock.sock is None:
        core.api_client.close()
        raise SandboxLost(f"the cluster `{cluster.host}` closed the connection at once")
    opened.sock.settimeout(FRAME_SECONDS)
    return PodProcess(opened, core, is_there)
