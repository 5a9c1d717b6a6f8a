"""The backend that asks a server in a container on this machine, which it starts by need.

Everything is asked as of any other server (`HttpBackend`); what is different is only that the
server can be started, and started again: it moves to another port then, and has lost its sessions,
which all who ask it can bear.
"""

from __future__ import annotations

import os
import secrets
import threading
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.backends.breaker import Breaker, CircuitOpen
from policyc.runtime.backends.http import (
    HttpBackend,
    Question,
    Server,
    ServerTimeout,
    ServerUnreachable,
)
from policyc.runtime.backends.proving import ServerUnproved
from policyc.runtime.containers.spec import Spec
from policyc.runtime.proof import LEAST_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.grammar.source import Source
    from policyc.runtime.containers.lifecycle import Running, SharedContainer
    from policyc.runtime.failures import BackendError

KEEP_VARIABLE: Final = "POLICYC_CONTAINER_KEEP"

PATIENCE_SECONDS: Final = 30.0
"""For an engine to come up again that answered before."""


class ContainerServer(Server):
    """Asks the server in a container. One that is gone is started again, and asked again."""

    def __init__(
        self, spec: Spec, *, keep_alive: bool | None = None, timeout: float | None = None
    ) -> None:
        """`keep_alive`: the container runs on when its last user is gone; by default as
        POLICYC_CONTAINER_KEEP=1 says."""
        # Token and key of the environment are for another server. The key of ours is known once it
        # runs; until then nothing is believed.
        key = secrets.token_hex(LEAST_KEY) if spec.is_own else ""
        super().__init__(f"the container {spec.name}", token="", timeout=timeout, key=key)
        if keep_alive is None:
            keep_alive = os.environ.get(KEEP_VARIABLE, "") not in ("", "0")
        self._spec = spec
        self._keep_alive = keep_alive
        self._container: SharedContainer | None = None
        self._running: Running | None = None
        self._starting = threading.Lock()
        self._owner = os.getpid()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_server, (self._spec, self._keep_alive, self._timeout))

    def ask(self, question: Question) -> Any:
        """The JSON of the answer.

        Raises:
            BackendError: there is none.
        """
        asked = self._started(None)
        try:
            return super().ask(question)
        except (ServerUnreachable, ServerUnproved, CircuitOpen) as error:
            self._start_again(asked, question, error)
        except ServerTimeout:
            self._look_again()
            raise
        return super().ask(question)

    async def a_ask(self, question: Question) -> Any:
        """The JSON of the answer.

        Raises:
            BackendError: there is none.
        """
        import asyncio  # noqa: PLC0415  # slow to load, and seldom needed

        asked = await asyncio.to_thread(self._started, None)
        try:
            return await super().a_ask(question)
        except (ServerUnreachable, ServerUnproved, CircuitOpen) as error:
            await asyncio.to_thread(self._start_again, asked, question, error)
        except ServerTimeout:
            self._look_again()
            raise
        return await super().a_ask(question)

    def _start_again(self, asked: Running, question: Question, error: BackendError) -> None:
        """Start the container again where it could not be reached, which is the error.

        Raises:
            BackendError: it cannot be had, or the question must not be asked again.
        """
        if question.method == "DELETE":
            raise error  # what it is about is gone with the server
        if self._started(asked) == asked and not question.is_pure:
            raise error  # the same server, which may have done what it was asked for

    def _look_again(self) -> None:
        """The next question begins with a look at the container: it may be paused, for instance."""
        self._running = None

    def _started(self, gone: Running | None) -> Running:
        """The container as it runs. `gone`: as it was when it could not be reached.

        Raises:
            BackendError: it cannot be had.
        """
        if self._owner != os.getpid():
            # What the process had from which this one was forked is not ours.
            self._starting = threading.Lock()
            self._container = self._running = None
            self._owner = os.getpid()
        with self._starting:
            if self._running is not None and self._running != gone:
                return self._running
            from policyc.runtime.containers.lifecycle import SharedContainer  # noqa: PLC0415

            if self._container is None:
                self._container = SharedContainer(self._spec, keep_alive=self._keep_alive)
            patience = 0.0 if gone is None else PATIENCE_SECONDS
            self._running = self._container.start(patience=patience)
            self.url = self._running.url
            if self._proved is not None:
                self._proved.key = self._running.key
            self._breaker = Breaker()
            return self._running

    def close(self) -> None:
        """Close the connections, and release the container: the last user stops it.

        Raises:
            BackendError: it cannot be stopped.
        """
        super().close()
        with self._starting:
            self._client = self._new_client()
            container, self._container, self._running = self._container, None, None
            if container is not None:
                container.release()


def _server(spec: Spec, keep_alive: bool, timeout: float) -> ContainerServer:
    return ContainerServer(spec, keep_alive=keep_alive, timeout=timeout)


def container_backend(image: str | None, sources: Sequence[Source]) -> HttpBackend:
    """The backend that judges with a policy by asking the server in a container.

    `image`: its tag; None: our own. A server in another image is asked which API it has.
    """
    spec = Spec.of(image)
    server = ContainerServer(spec)
    return HttpBackend(server.url, "v1" if spec.is_own else None, sources, server)
