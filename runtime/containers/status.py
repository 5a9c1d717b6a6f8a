"""How the containers of a user are, as the engine and their servers say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.backends.proving import ServerUnproved
from policyc.runtime.containers import users
from policyc.runtime.containers.engine import SECONDS, engine
from policyc.runtime.containers.lifecycle import found
from policyc.runtime.containers.readiness import ask, url_of
from policyc.runtime.containers.spec import OWNER_LABEL, Spec, owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

_FOLLOW_SECONDS: Final = 7 * 24 * 3600
"""A log that is followed may have nothing new for so long."""


@dataclass(frozen=True, slots=True)
class Status:
    """A container. `state`: in the engine's words. `url`: where it is published; None: it does not
    run. `ready`: its server answers. `version`: of policyc in it, if it says so. `used`: a process
    uses it. `kept`: it runs on without."""

    name: str
    image: str
    state: str
    url: str | None
    ready: bool
    version: str | None
    used: bool
    kept: bool

    def to_dict(self) -> dict[str, Any]:
        """The status in JSON."""
        return asdict(self)


def statuses(image: str | None = None) -> list[Status]:
    """The containers of this user, or only that of an image, by name.

    Raises:
        BackendError: the engine cannot be asked, or the container is not ours.
    """
    with engine() as client:
        if image is not None:
            one = found(client, Spec.of(image))
            containers = [] if one is None else [one]
        else:
            containers = client.containers.list(
                all=True, filters={"label": f"{OWNER_LABEL}={owner()}"}
            )
        return sorted((_status(one) for one in containers), key=lambda one: one.name)


def logs(image: str | None, *, lines: int | None, follow: bool) -> Iterator[bytes] | None:
    """The log of a container, in pieces; None: there is none. `lines`: only so many from its end.

    Raises:
        BackendError: the engine cannot be asked, or the container is not ours.
    """
    with engine() as client:
        if found(client, Spec.of(image)) is None:
            return None
    return _logs(Spec.of(image), lines, follow)


def _logs(spec: Spec, lines: int | None, follow: bool) -> Iterator[bytes]:
    with engine(seconds=_FOLLOW_SECONDS if follow else SECONDS) as client:
        container = found(client, spec)
        if container is not None:
            if lines is None:
                yield from container.logs(stream=True, follow=follow)
            else:
                yield from container.logs(stream=True, follow=follow, tail=lines)


def _status(container: Container) -> Status:
    name = str(container.name)
    try:
        answer = ask(container, "/") if container.status == "running" else None
        version = _version(container) if answer is not None else None
    except ServerUnproved:
        answer = version = None
    with users.locked(name):
        used = users.is_used(name)
    return Status(
        name=name,
        image=str(container.attrs["Config"]["Image"]),
        state=container.status,
        url=url_of(container),
        ready=answer is not None and answer.status_code < 500,
        version=version,
        used=used,
        kept=users.is_kept(name),
    )


def _version(container: Container) -> str | None:
    answer = ask(container, "/version")
    try:
        told = answer.json() if answer is not None else None
    except ValueError:
        return None
    version = told.get("version") if isinstance(told, dict) else None
    return version if isinstance(version, str) else None
