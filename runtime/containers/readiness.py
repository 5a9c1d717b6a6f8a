"""Whether the server in a container answers, and is the one that is wanted."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import httpx

from policyc.runtime.backends.interfaces import PROTOCOL
from policyc.runtime.backends.proving import Proved, ServerUnproved
from policyc.runtime.containers.engine import PAUSES
from policyc.runtime.containers.spec import PORT, Spec
from policyc.runtime.failures import BackendError
from policyc.runtime.proof import KEY_VARIABLE

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


def key_of(container: Container) -> str:
    """The key that the server in it was given; "": none."""
    told = (one.partition("=") for one in container.attrs["Config"]["Env"] or ())
    return next((value for name, _, value in told if name == KEY_VARIABLE), "")


def wait_until_ready(container: Container, spec: Spec, seconds: float) -> None:
    """Wait until the server in a container answers.

    Raises:
        ContainerDied: it ended.
        NotReady: it does not answer, or something else does.
        OtherVersion: it is not the one that our own image has.
    """
    if spec.is_own and not key_of(container):
        raise OtherVersion(
            f"the container `{spec.name}` was made by an earlier policyc: run `policyc container "
            "down`"
        )
    try:
        _wait(container, spec, seconds)
        if spec.is_own:
            _check_version(ask(container, "/version"), spec)
    except ServerUnproved as error:
        raise NotReady(
            f"{error}: another program took the port of the container `{spec.name}`, or its image "
            "is of an earlier policyc: run `policyc container build` and `policyc container down`"
        ) from None


def _wait(container: Container, spec: Spec, seconds: float) -> None:
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
    """The answer of its server to a GET; None: there is none.

    Raises:
        ServerUnproved: something else answers.
    """
    url, key = url_of(container), key_of(container)
    if url is None:
        return None
    auth = Proved(key) if key else None
    try:
        return httpx.get(url + path, timeout=_ANSWER_SECONDS, trust_env=False, auth=auth)
    except httpx.HTTPError:
        return None


def _last_words(container: Container) -> str:
    """The end of its log."""
    try:
        text = container.logs(tail=_LOG_LINES).decode("utf-8", "replace").strip()
    except Exception:  # the log is a help only, whatever becomes of it
        return ""
    return f"; the end of its log:\n{text}" if text else ""
