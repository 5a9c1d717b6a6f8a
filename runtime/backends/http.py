"""The backend that asks a server: our own, or one that has the APIs of the Invariant server."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from policyc.runtime.backends.breaker import Breaker
from policyc.runtime.backends.proving import Proved
from policyc.runtime.failures import BackendError
from policyc.runtime.proof import key_of_environment

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from policyc.grammar.source import Source
    from policyc.runtime.backends.base import Event, RemoteMonitor
    from policyc.runtime.backends.interfaces import Interface
    from policyc.runtime.results import AnalysisResult

TOKEN_VARIABLE: Final = "POLICYC_TOKEN"  # noqa: S105  # the name of a variable
TIMEOUT_VARIABLE: Final = "POLICYC_BACKEND_TIMEOUT"
CERTIFICATE_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
SECONDS: Final = 30.0
"""A question may take, with all attempts."""

ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 0.1
"""Before the second attempt; twice that before the third."""

_BUSY = frozenset({429, 502, 503})
"""Answers of a server that will perhaps be able to answer soon."""

_UNASKED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""The server has not seen the question."""


class ServerUnreachable(BackendError):
    """The server could not be connected to, or the connection broke."""


class ServerTimeout(BackendError):
    """The server did not answer in time."""


class ServerRefused(BackendError):
    """The server answered with an error. `status`: of HTTP. `detail`: what it said."""

    def __init__(self, message: str, status: int, detail: Any) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (str(self), self.status, self.detail))


class BadAnswer(BackendError):
    """The server answered with something that is no verdict."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request. `is_pure`: asked twice it has the same answer, so that it can be asked again
    when the connection breaks."""

    method: str
    path: str
    body: Any = None
    query: dict[str, str] | None = None
    is_pure: bool = True


class Server:
    """Asks one server, over connections that are kept. Any number of threads may use one."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float | None = None,
        key: str | None = None,
    ) -> None:
        """`token`, `timeout` (seconds) and `key` (that the server has to know, see `proof`) are by
        default those of the environment.

        Raises:
            BackendError: what the environment says cannot be used.
        """
        self.url = url.rstrip("/")
        try:
            self._key = key_of_environment() if key is None else key
        except ValueError as error:
            raise BackendError(str(error)) from None
        self._proved = Proved(self._key) if self._key else None
        self._token = os.environ.get(TOKEN_VARIABLE) if token is None else token
        self._timeout = timeout_of_environment() if timeout is None else timeout
        headers = {"authorization": f"Bearer {self._token}"} if self._token else {}
        self._headers = {**headers, "user-agent": "policyc"}
        self._breaker = Breaker()
        self._trusted = _trusted_certificates()
        self._client = self._new_client()
        self._pid = os.getpid()

    def _new_client(self) -> httpx.Client:
        return httpx.Client(**self._connecting)

    @property
    def shown(self) -> str:
        """Its address for messages: without user and password."""
        return re.sub(r"(?<=//)[^/]*@", "", self.url)

    @property
    def _connecting(self) -> dict[str, Any]:
        return {
            "headers": self._headers,
            "trust_env": False,
            "verify": self._trusted,
            "auth": self._proved,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return (_server, (self.url, self._token, self._timeout, self._key))

    def ask(self, question: Question) -> Any:
        """The JSON of the answer.

        Raises:
            BackendError: there is none.
        """
        if self._pid != os.getpid():
            # Connections must not be shared with the process that this one was forked from.
            self._client = self._new_client()
            self._pid = os.getpid()
        end = time.monotonic() + self._timeout
        for attempt in range(ATTEMPTS):
            self._breaker.check(self.shown)
            try:
                answer = self._client.request(**self._request(question, end))
            except httpx.HTTPError as error:
                pause = self._after(error, question, attempt, end)
            else:
                if (wait := self._pause_after(answer, attempt, end)) is None:
                    return self._read(answer)
                pause = wait
            time.sleep(pause)
        raise AssertionError("the last attempt gives or raises")

    async def a_ask(self, question: Question) -> Any:
        """The JSON of the answer.

        Raises:
            BackendError: there is none.
        """
        end = time.monotonic() + self._timeout
        # A client belongs to one event loop, and this object to none.
        async with httpx.AsyncClient(**self._connecting) as client:
            for attempt in range(ATTEMPTS):
                self._breaker.check(self.shown)
                try:
                    answer = await client.request(**self._request(question, end))
                except httpx.HTTPError as error:
                    pause = self._after(error, question, attempt, end)
                else:
                    if (wait := self._pause_after(answer, attempt, end)) is None:
                        return self._read(answer)
                    pause = wait
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt gives or raises")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __del__(self) -> None:
        # Nobody has to close a policy only because a server evaluates it.
        with suppress(Exception):
            self._client.close()

    # --- one attempt

    def _request(self, question: Question, end: float) -> dict[str, Any]:
        left = max(0.001, end - time.monotonic())
        return {
            "method": question.method,
            "url": self.url + question.path,
            "params": question.query,
            "json": question.body,
            "timeout": httpx.Timeout(left, connect=min(left, 5.0)),
        }

    def _after(self, error: httpx.HTTPError, question: Question, attempt: int, end: float) -> float:
        """How long to wait before another attempt after no answer.

        Raises:
            BackendError: there is none.
        """
        self._breaker.note(is_good=False)
        again = isinstance(error, _UNASKED)
        again |= question.is_pure and isinstance(error, httpx.NetworkError | httpx.ProtocolError)
        pause = _pause(attempt)
        if again and attempt + 1 < ATTEMPTS and time.monotonic() + pause < end:
            return pause
        reason = str(error) or type(error).__name__
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, _UNASKED):
            raise ServerTimeout(
                f"{self.shown} did not answer within {self._timeout:g} seconds"
            ) from None
        raise ServerUnreachable(f"{self.shown} cannot be reached: {reason}") from None

    def _pause_after(self, answer: httpx.Response, attempt: int, end: float) -> float | None:
        """How long to wait before another attempt after an answer; None: it is the answer."""
        is_busy = answer.status_code in _BUSY
        self._breaker.note(is_good=answer.status_code < 500)
        pause = _pause(attempt)
        if is_busy and attempt + 1 < ATTEMPTS and time.monotonic() + pause < end:
            return pause
        return None

    def _read(self, answer: httpx.Response) -> Any:
        try:
            value = answer.json()
        except ValueError:
            value = None
        if answer.is_success:
            if value is None:
                raise BadAnswer(f"{self.shown} answered with something that is no JSON")
            return value
        detail = value.get("detail") if isinstance(value, dict) else None
        message = _told(detail) or answer.reason_phrase
        status = answer.status_code
        raise ServerRefused(f"{self.shown} refused with {status}: {message}", status, detail)


def _trusted_certificates() -> ssl.SSLContext:
    """The authorities that a server may have its certificate from: the public ones, or those of
    `SSL_CERT_FILE` or `SSL_CERT_DIR`. Of the environment nothing else is heeded, proxies above all:
    a trace must not go where nobody sent it.

    Raises:
        BackendError: they cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        told = f"the certificates of {' or '.join(CERTIFICATE_VARIABLES)} cannot be read: {error}"
        raise BackendError(told) from error


def _server(url: str, token: str | None, timeout: float, key: str) -> Server:
    return Server(url, token=token, timeout=timeout, key=key)


def timeout_of_environment() -> float:
    """How many seconds a question may take, as the environment says.

    Raises:
        BackendError: it says no number.
    """
    given = os.environ.get(TIMEOUT_VARIABLE)
    if given is None:
        return SECONDS
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise BackendError(f"{TIMEOUT_VARIABLE}={given} is no number of seconds above 0")
    return seconds


def _pause(attempt: int) -> float:
    # Clients that failed together shall not come back together.
    jitter = random.uniform(0.75, 1.25)  # noqa: S311  # no secret
    return PAUSE_SECONDS * float(2**attempt) * jitter


def _told(detail: Any) -> str:
    """What a server said, in a line."""
    match detail:
        case str():
            return detail
        case {"message": str(message)}:
            return message
        case [{"msg": str(message), "loc": list(place)}, *_]:
            return f"{'.'.join(map(str, place))}: {message}"
        case [{"message": str(message)}, *_]:
            return message
        case _:
            return ""


class HttpBackend:
    """Judges with a policy by asking a server."""

    def __init__(
        self,
        url: str,
        interface: str | None,
        sources: Sequence[Source],
        server: Server | None = None,
    ) -> None:
        """`interface`: one of `INTERFACES`; None: the server is asked which it has, when it is
        needed."""
        self._server = server or Server(url)
        self._sources = tuple((source.text, source.path) for source in sources)
        self._chosen = interface
        self._made: Interface | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (_backend, (self._server, self._chosen, self._sources))

    @property
    def _interface(self) -> Interface:
        if self._made is None:
            from policyc.runtime.backends.interfaces import interface_of  # noqa: PLC0415

            self._made = interface_of(self._server, self._chosen, self._sources)
        return self._made

    def analyze(self, events: list[Event], parameters: dict[str, Any]) -> AnalysisResult:
        return self._interface.judge(None, events, parameters)

    def analyze_pending(
        self, past: list[Event], pending: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult:
        return self._interface.judge(past, pending, parameters)

    async def a_analyze(self, events: list[Event], parameters: dict[str, Any]) -> AnalysisResult:
        interface = await asyncio.to_thread(lambda: self._interface)
        return await interface.a_judge(None, events, parameters)

    async def a_analyze_pending(
        self, past: list[Event], pending: list[Event], parameters: dict[str, Any]
    ) -> AnalysisResult:
        interface = await asyncio.to_thread(lambda: self._interface)
        return await interface.a_judge(past, pending, parameters)

    def monitor(self, parameters: dict[str, Any]) -> RemoteMonitor:
        return self._interface.monitor(parameters)

    def close(self) -> None:
        """End the sessions on the server, and the connections."""
        if self._made is not None:
            self._made.close()
        self._server.close()


def _backend(
    server: Server, interface: str | None, sources: tuple[tuple[str, str | None], ...]
) -> HttpBackend:
    from policyc.grammar.source import Source  # noqa: PLC0415  # for unpickling

    return HttpBackend(server.url, interface, [Source(*one) for one in sources], server)
