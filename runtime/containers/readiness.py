"""Whether the server in a container answers, and is the one that is wanted."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import httpx

from policyc.runtime.backends.interfaces import PROTOCOL
from policyc.runtime.containers.engine import PAUSES
from policyc.runtime.containers.spec import PORT, Spec
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from docker.models.containers import Container

READY_SECONDS: Final = 60.0
"""From its start until a container answers."""

_ANSWER_SECONDS: Final = 5.0
_LOG_LINES: Final = 5


class ContainerDied(BackendError):
    """The server in the container ended."""


class NotReady(BackendError):
    """The container runs, and its server did not answer in time."""


class OtherVersion(BackendError):
    """The server in the container is not of this version of policyc."""


def url_of(container: Container) -> str | None:
    """Where its server is asked; None: it is not published, as long as it does not run."""
    published = (container.ports or {}).get(f"{PORT}/tcp")
    if not published:
        return None
    return f"http://{published[0]['HostIp']}:{published[0]['HostPort']}"


def wait_until_ready(container: Container, spec: Spec, seconds: float) -> None:
    """Wait until the server in a container answers.

    Raises:
        ContainerDied: it ended.
        NotReady: it does not answer.
        OtherVersion: it is not the one that our own image has.
    """
    end = time.monotonic() + seconds
    attempt = 0
    while (answer := ask(container, "/")) is None or answer.status_code >= 500:
        _reload(container)
        if container.status not in ("running", "restarting", "created"):
            raise ContainerDied(
                f"the server in the container `{spec.name}` ended{_last_words(container)}"
            )
        pause = PAUSES[min(attempt, len(PAUSES) - 1)]
        if time.monotonic() + pause > end:
            raise NotReady(
                f"the server in the container `{spec.name}` did not answer within {seconds:g} "
                f"seconds: `policyc container down` and `up` start it anew{_last_words(container)}"
            )
        attempt += 1
        time.sleep(pause)
    if spec.is_own:
        _check_version(ask(container, "/version"), spec)


def _reload(container: Container) -> None:
    from docker.errors import NotFound  # noqa: PLC0415  # slow to load

    try:
        container.reload()
    except NotFound:
        raise ContainerDied(f"the container `{container.name}` was removed") from None


def _check_version(answer: httpx.Response | None, spec: Spec) -> None:
    """Whether the answer to `/version` is that of this policyc.

    Raises:
        OtherVersion: it is not.
    """
    try:
        told = answer.json() if answer is not None else {}
    except ValueError:
        told = {}
    wanted = {"name": "policyc", "version": version("policyc"), "protocol": PROTOCOL}
    if told != wanted:
        what = told.get("version", "an unknown version") if isinstance(told, dict) else "no version"
        raise OtherVersion(
            f"the container `{spec.name}` has policyc {what}, and this is {wanted['version']}: run "
            "`policyc container build` and `policyc container down`"
        )


def ask(container: Container, path: str) -> httpx.Response | None:
    """The answer of its server to a GET; None: there is none."""
    url = url_of(container)
    if url is None:
        return None
    try:
        return httpx.get(url + path, timeout=_ANSWER_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return None


def _last_words(container: Container) -> str:
    """The end of its log."""
    try:
        text = container.logs(tail=_LOG_LINES).decode("utf-8", "replace").strip()
    except Exception:  # the log is a help only, whatever becomes of it
        return ""
    return f"; the end of its log:\n{text}" if text else ""
