"""The container engine, and what it means when it does not do as asked.

The library that speaks to it is slow to load, so it is loaded here only, and by need.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from docker.errors import APIError
    from docker.models.containers import Container

HOST_VARIABLE: Final = "DOCKER_HOST"
DEFAULT_ADDRESS: Final = "unix:///var/run/docker.sock"

SECONDS: Final = 30
"""A request to the engine may take."""

_KNOCK_SECONDS: Final = 5.0
_REMOVE_SECONDS: Final = 10
_PORT: Final = 2375
_HERE: Final = ("localhost", "127.0.0.1", "::1")

PAUSES: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between attempts while something comes up; the last one again and again."""


class EngineError(BackendError):
    """The container engine does not do what it was asked for."""


class EngineAbsent(EngineError):
    """Nothing answers at the engine's address."""


class EngineForbidden(EngineError):
    """This user may not use the engine."""


class EngineSilent(EngineError):
    """Something takes connections at the engine's address and does not answer."""


class EngineElsewhere(EngineError):
    """The engine runs on another machine, where its containers cannot be reached from here."""


def address() -> str:
    """Where the engine is looked for."""
    return os.environ.get(HOST_VARIABLE) or DEFAULT_ADDRESS


@contextmanager
def engine(*, patience: float = 0.0, seconds: int = SECONDS) -> Iterator[DockerClient]:
    """A client of the engine.

    Args:
        patience: seconds that an engine which does not answer may take to come up.
        seconds: that one request may take.

    Raises:
        EngineError: there is no engine that can be used; whatever it refuses inside of the context
            is one as well.
    """
    client = connected(patience=patience, seconds=seconds)
    try:
        with told():
            yield client
    finally:
        client.close()


@contextmanager
def told() -> Iterator[None]:
    """What the engine or the way to it raises, as an `EngineError`."""
    import requests  # noqa: PLC0415  # slow to load
    from docker.errors import APIError, DockerException, InvalidVersion  # noqa: PLC0415

    try:
        yield
    except APIError as error:
        raise _refused(error) from None
    except InvalidVersion as error:
        raise EngineError(
            f"the container engine at {address()} speaks an API that is too old ({error}): install "
            "one of 2020 or later"
        ) from None
    except requests.exceptions.Timeout:
        raise EngineSilent(_silent()) from None
    except (DockerException, requests.exceptions.RequestException) as error:
        for cause in _causes(error):
            if isinstance(cause, APIError):
                raise _refused(cause) from None
        raise unreachable(error) from None


def connected(*, patience: float = 0.0, seconds: int = SECONDS) -> DockerClient:
    """A client of an engine that answers, to be closed by the caller; see `engine`.

    Raises:
        EngineError: there is none until its patience ends.
    """
    _refuse_elsewhere()
    end = time.monotonic() + patience
    attempt = 0
    while True:
        try:
            return _connect(seconds)
        except EngineAbsent:
            pause = PAUSES[min(attempt, len(PAUSES) - 1)]
            if time.monotonic() + pause > end:
                raise
        attempt += 1
        time.sleep(pause)


def _connect(seconds: int) -> DockerClient:
    knock()
    import docker  # noqa: PLC0415  # slow to load

    with told():
        # The version of the API is asked for here, so the engine has answered when this is over.
        return docker.from_env(timeout=seconds)


def knock() -> None:
    """See whether anything takes connections. The library would leave its socket open where nothing
    does, and is slow to load only to find that out.

    Raises:
        EngineError: nothing does.
    """
    dial().close()


def dial() -> socket.socket:
    """A connection to the engine, as bytes.

    Raises:
        EngineError: there is none to be had.
    """
    parts = urlsplit(address())
    try:
        if parts.scheme != "unix":
            place = (parts.hostname or "", parts.port or _PORT)
            return socket.create_connection(place, _KNOCK_SECONDS)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(_KNOCK_SECONDS)
            made.connect(parts.path)
        except OSError:
            made.close()
            raise
        return made
    except OSError as error:
        raise unreachable(error) from None


def remove_container(container: Container) -> None:
    """Remove a container as it is, and wait until it is gone; that it is already is no error."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415  # slow to load

    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # it is being removed already
            raise
    with suppress(NotFound):
        container.wait(condition="removed", timeout=_REMOVE_SECONDS)


def _refuse_elsewhere() -> None:
    """Refuse an engine whose published ports are those of another machine."""
    parts = urlsplit(address())
    try:
        is_here = parts.scheme == "unix" and bool(parts.path)
        is_here |= parts.scheme in ("tcp", "http", "https") and parts.hostname in _HERE
        _ = parts.port
    except ValueError:
        is_here = False
    if not is_here:
        raise EngineElsewhere(
            f"{HOST_VARIABLE}={address()} is no engine on this machine, and what a container "
            "elsewhere publishes to its own machine cannot be reached from here: name one that is, "
            "as unix:///var/run/docker.sock, or run `policyc serve` there and name its address as "
            "the backend"
        )


def _refused(error: APIError) -> EngineError:
    reason = (error.explanation or str(error)).strip()
    return EngineError(f"the container engine refused: {reason}")


def unreachable(error: Exception) -> EngineError:
    """What a connection to the engine that failed means."""
    for cause in _causes(error):
        if isinstance(cause, PermissionError):
            return EngineForbidden(
                f"this user may not use the container engine at {address()}: add the user to the "
                "group `docker` (sudo usermod -aG docker $USER) and log in again, or name an "
                f"engine of your own with {HOST_VARIABLE}"
            )
        if isinstance(cause, TimeoutError):
            return EngineSilent(_silent())
    return EngineAbsent(
        f"no container engine answers at {address()}: start it (sudo systemctl start docker), "
        f"install one, or name where it is with {HOST_VARIABLE}"
    )


def _silent() -> str:
    return (
        f"the container engine at {address()} takes connections and does not answer: start it again"
        " (sudo systemctl restart docker)"
    )


def _causes(error: BaseException | None) -> Iterator[Any]:
    """An exception, those it was raised from, and those it carries as arguments."""
    seen: set[int] = set()
    left: list[Any] = [error]
    while left:
        one = left.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [one.__cause__, one.__context__, *one.args]
