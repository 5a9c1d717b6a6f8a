"""Checks of the server that is a backend, of services that detectors ask, and of the clock."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from policyc.runtime.backends.http import (
    BadAnswer,
    Question,
    Server,
    ServerRefused,
    ServerTimeout,
    ServerUnreachable,
    timeout_of_environment,
)
from policyc.runtime.backends.interfaces import OtherProtocol, SessionInterface, interface_of
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.containers.engine import EngineError, engine
from policyc.runtime.doctor.examination import FaultFound, NotChecked
from policyc.runtime.failures import BackendError
from policyc.runtime.models.endpoints import Endpoint, endpoint

if TYPE_CHECKING:
    from policyc.runtime.doctor.examination import Subject

SERVICES: Final = {"LLM": True, "MODERATION": False, "INJECTION": False}
"""The services of detectors, and whether the variables of OpenAI stand in for their own."""

_APART_SECONDS: Final = 60.0


def check_settings(_subject: Subject) -> str:
    try:
        return f"a server may take {timeout_of_environment():g} seconds"
    except BackendError as error:
        raise FaultFound("setting-wrong", str(error)) from None


def check_server(subject: Subject) -> str:
    url = subject.url
    if url is None:
        raise NotChecked("no server is named as the backend")
    server = Server(url, timeout=float(subject.seconds))
    try:
        # Which API it has is all that is asked, so there need be no policy.
        if isinstance(interface_of(server, subject.api, ()), SessionInterface):
            _check_session_api(server, url)
    except ServerUnreachable as error:
        raise FaultFound("server-unreachable", str(error)) from None
    except ServerTimeout as error:
        raise FaultFound("server-slow", str(error)) from None
    except ServerRefused as error:
        name = "server-token" if error.status in (401, 403) else "server-unknown"
        raise FaultFound(name, str(error)) from None
    except OtherProtocol as error:
        raise FaultFound("server-version", str(error)) from None
    except BackendError as error:
        raise FaultFound("server-unknown", str(error)) from None
    finally:
        server.close()
    return f"{url} answers"


def _check_session_api(server: Server, url: str) -> None:
    """A server that does not say what it is must have the first route of the session API."""
    told = server.ask(Question("GET", "/"))
    if told != {"ok": True}:
        raise BadAnswer(f"{url} does not answer as a server for policies does")


def check_services(subject: Subject) -> str:
    asked = []
    for service, openai in SERVICES.items():
        try:
            found = endpoint(service, openai=openai)
        except BuiltinError as error:
            raise FaultFound("service-address", f"{error.message}: {error.help}") from None
        if found is not None:
            _check_endpoint(found, service, subject.seconds)
            asked.append(found.shown)
    if not asked:
        raise NotChecked("no service is configured")
    return f"{', '.join(asked)}: reached"


def _check_endpoint(found: Endpoint, service: str, seconds: int) -> None:
    variable = f"POLICYC_{service}_KEY"
    if found.is_openai and not found.key:
        raise FaultFound("service-key", f"{found.shown} needs a key: set `{variable}`")
    headers = {"Authorization": f"Bearer {found.key}"} if found.key else {}
    try:
        # A list of models, which costs nothing; what it answers does not matter.
        answer = httpx.get(f"{found.url}/models", headers=headers, timeout=seconds)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise FaultFound("service-unreachable", f"{found.shown}: {reason}") from None
    if answer.status_code in (401, 403):
        what = "refuses the key in" if found.key else "wants a key: set"
        raise FaultFound("service-key", f"{found.shown} {what} `{variable}`")


def check_clock(subject: Subject) -> str:
    now = subject.clock()
    installed = _newest_file()
    if now < installed - _APART_SECONDS:
        raise FaultFound("clock-behind", f"it is {installed - now:.0f} seconds behind that time")
    for what, other in (("the server", _server_time(subject)), ("the engine", _engine_time())):
        if other is not None and abs(other - now) > _APART_SECONDS:
            raise FaultFound("clock-apart", f"{what} is {abs(other - now):.0f} seconds apart")
    return "it agrees with what it can be compared to"


def _newest_file() -> float:
    """When this installation of policyc was made, at the earliest."""
    found = find_spec("policyc")
    assert found is not None and found.origin  # noqa: PT018, S101  # this very package
    return Path(found.origin).stat().st_mtime


def _server_time(subject: Subject) -> float | None:
    if subject.url is None:
        return None
    try:
        answer = httpx.get(f"{subject.url}/health", timeout=subject.seconds, trust_env=False)
        return parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (httpx.HTTPError, KeyError, ValueError):
        return None


def _engine_time() -> float | None:
    from datetime import datetime  # noqa: PLC0415  # seldom needed

    try:
        with engine() as client:
            told = str(client.info()["SystemTime"])
        # Nanoseconds, of which Python takes six digits.
        head, _, rest = told.partition(".")
        zone = rest.lstrip("0123456789") if rest else ""
        return datetime.fromisoformat(head + zone if rest else told).timestamp()
    except (EngineError, KeyError, ValueError):
        return None
