"""One container that all processes of a user share: started when it is needed, stopped by the last.

Nothing is remembered of it: each step asks the engine how things are. A container that does not
carry our labels is never touched, whatever its name is.
"""

from __future__ import annotations

import atexit
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.containers import users
from policyc.runtime.containers.engine import EngineAbsent, engine, remove_container
from policyc.runtime.containers.readiness import (
    READY_SECONDS,
    ContainerDied,
    NotReady,
    key_of,
    url_of,
    wait_until_ready,
)
from policyc.runtime.containers.spec import OWNER_LABEL, SPEC_LABEL, Spec, owner
from policyc.runtime.failures import BackendError
from policyc.runtime.proof import KEY_VARIABLE, LEAST_KEY

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

STOP_SECONDS: Final = 10
"""For the server to end what it is asked, before it is killed."""


class ImageAbsent(BackendError):
    """There is no such image on this machine."""


class ForeignContainer(BackendError):
    """Something that is not ours has the name of our container or network."""


class MadeMeanwhile(BackendError):
    """Another process made the container at the same moment, in spite of the lock."""


@dataclass(frozen=True, slots=True)
class Running:
    """A container that runs. `started` tells one run of it from the next. `key`: that the server in
    it knows and proves its answers with; "": it knows none."""

    id: str
    started: str
    url: str
    key: str = field(repr=False)


class SharedContainer:
    """One user's handle on the container."""

    def __init__(self, spec: Spec, *, keep_alive: bool = False) -> None:
        """`keep_alive`: it runs on when its last user is gone."""
        self.spec = spec
        self.keep_alive = keep_alive
        self._use: users.Use | None = None

    @property
    def is_used(self) -> bool:
        """Whether it was started by this process and not released."""
        return self._use is not None and self._use.is_ours

    def start(self, *, patience: float = 0.0, seconds: float = READY_SECONDS) -> Running:
        """The container, ready to be asked: found, started or made.

        Args:
            patience: seconds that the engine may take to come up.
            seconds: that the server in the container may take.

        Raises:
            BackendError: it cannot be had.
        """
        with engine(patience=patience) as client:
            try:
                return self._run(client, seconds)
            except (ContainerDied, MadeMeanwhile):
                # Somebody stopped, killed or made it just now, one who has other locks perhaps. If
                # it ends by itself it will do so again.
                return self._run(client, seconds)

    def _run(self, client: DockerClient, seconds: float) -> Running:
        name = self.spec.name
        with users.locked(name):
            if not self.is_used:
                self._use = users.Use(name)
                _stop_at_exit(name)
            if self.keep_alive:
                users.keep(name)
            container = found(client, self.spec)
            known = None if container is None or container.status != "running" else container
            container = self._started(client, container)
        try:
            wait_until_ready(container, self.spec, seconds)
        except NotReady:
            if known is None:
                raise
            container = self._started_again(client, known)
            wait_until_ready(container, self.spec, seconds)
        return _running(container)

    def _started_again(self, client: DockerClient, known: Container) -> Container:
        """The container, stopped and started where it still runs as it did when it was found. An
        engine that was killed, and whose containers outlive it, may have lost the way to it: the
        engine does not tell so."""
        with users.locked(self.spec.name):
            container = found(client, self.spec)
            if container is not None and _run_of(container) == _run_of(known):
                _stop(container)
                container.reload()
            return self._started(client, container)

    def _started(self, client: DockerClient, container: Container | None) -> Container:
        """The container that was found, running, or a new one."""
        assert self._use is not None  # noqa: S101  # taken by the caller
        if container is not None:
            is_dead = container.status in ("dead", "removing")
            if is_dead or (_is_outdated(client, container, self.spec) and self._use.is_last):
                remove_container(container)
                container = None
        if container is None:
            return _created(client, self.spec)
        if container.status == "paused":
            container.unpause()
        elif container.status != "running":
            container.start()
        container.reload()
        return container

    def release(self) -> None:
        """Use it no more; the last user stops it, unless it is kept. Again is no error.

        Raises:
            BackendError: it cannot be stopped.
        """
        use, self._use = self._use, None
        if use is None:
            return
        is_ours = use.is_ours
        use.end()
        if is_ours:
            stop_unused(self.spec.name)


def stop_unused(name: str) -> None:
    """Stop the container of that name if nobody uses it and it is not kept.

    Raises:
        BackendError: it cannot be stopped.
    """
    with users.locked(name), suppress(EngineAbsent):
        if users.is_used(name) or users.is_kept(name):
            return
        with engine() as client:
            container = _named(client, name)
            if container is not None and container.status in ("running", "paused"):
                _stop(container)


def remove(spec: Spec) -> bool:
    """Stop and remove the container and its network, whoever uses it; whether there was one.

    Raises:
        BackendError: it cannot be removed, or is not ours.
    """
    with users.locked(spec.name), engine() as client:
        users.keep_no_more(spec.name)
        container = found(client, spec)
        if container is not None:
            if container.status in ("running", "paused"):
                _stop(container)
            remove_container(container)
        for network in _networks(client, spec.name):
            network.remove()
        return container is not None


def found(client: DockerClient, spec: Spec) -> Container | None:
    """The container of a spec; None: there is none.

    Raises:
        ForeignContainer: another one has its name.
    """
    return _named(client, spec.name)


def _named(client: DockerClient, name: str) -> Container | None:
    from docker.errors import NotFound  # noqa: PLC0415  # slow to load

    try:
        container: Container = client.containers.get(name)
    except NotFound:
        return None
    if container.name != name:
        return None
    _check_owner(container.labels, f"the container `{name}`", f"docker rename {name} OTHER")
    return container


def _check_owner(labels: dict[str, str] | None, what: str, way_out: str) -> None:
    if (labels or {}).get(OWNER_LABEL) != owner():
        raise ForeignContainer(
            f"{what} was not made by policyc for this user, and is left alone: rename or remove it "
            f"({way_out}), or set POLICYC_CONTAINER_PREFIX"
        )


def _is_outdated(client: DockerClient, container: Container, spec: Spec) -> bool:
    """Whether it was made from another image than the tag names now, or in another way."""
    from docker.errors import ImageNotFound  # noqa: PLC0415  # slow to load

    try:
        image = client.images.get(spec.image)
    except ImageNotFound:
        return False
    wanted = spec.labels(str(image.id))[SPEC_LABEL]
    return bool(container.labels.get(SPEC_LABEL) != wanted)


def _created(client: DockerClient, spec: Spec) -> Container:
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415  # slow to load

    try:
        image = client.images.get(spec.image)
    except ImageNotFound:
        raise ImageAbsent(absent_image(spec)) from None
    labels = spec.labels(str(image.id))
    network = _network(client, spec.name, {OWNER_LABEL: owner()})
    try:
        container: Container = client.containers.create(
            spec.image,
            name=spec.name,
            labels=labels,
            network=network,
            # Whoever can ask the engine for it can do anything.
            environment={KEY_VARIABLE: secrets.token_hex(LEAST_KEY)} if spec.is_own else {},
            **spec.options,
        )
    except APIError as error:
        if error.status_code != 409:
            raise
        raise MadeMeanwhile(f"another process has just made `{spec.name}`") from None
    try:
        container.start()
    except APIError:
        remove_container(container)
        raise
    container.reload()
    return container


def absent_image(spec: Spec) -> str:
    """That the image is not there, and what to do."""
    way = "policyc container build" if spec.is_own else f"docker pull {spec.image}"
    return f"there is no image `{spec.image}` on this machine: run `{way}`"


def _network(client: DockerClient, name: str, labels: dict[str, str]) -> str:
    """A network that the container has for itself: other containers cannot ask it."""
    if not _networks(client, name):
        client.networks.create(name, driver="bridge", labels=labels, check_duplicate=True)
    return name


def _networks(client: DockerClient, name: str) -> list[Any]:
    named = [one for one in client.networks.list(names=[name]) if one.name == name]
    for one in named:
        labels = one.attrs.get("Labels")
        _check_owner(labels, f"the network `{name}`", f"docker network rm {name}")
    return named


def _running(container: Container) -> Running:
    return Running(*_run_of(container), url_of(container) or "", key_of(container))


def _run_of(container: Container) -> tuple[str, str]:
    """What tells one run of a container from the next."""
    return str(container.id), container.attrs["State"]["StartedAt"]


def _stop(container: Container) -> None:
    if container.status == "paused":
        container.unpause()
    container.stop(timeout=STOP_SECONDS)


# --- at the end of the process

_used: dict[str, int] = {}
"""Names of containers that were used by a process, and its number."""


def _stop_at_exit(name: str) -> None:
    """Whoever forgets to release it does so by ending."""
    if not _used:
        atexit.register(_stop_used)
    _used[name] = os.getpid()


def _stop_used() -> None:
    users.end_all()
    for name, pid in _used.items():
        if pid == os.getpid():
            with suppress(BackendError):
                stop_unused(name)
