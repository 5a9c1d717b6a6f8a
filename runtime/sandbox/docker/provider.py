"""Sandboxes as containers of the engine of this machine."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, ClassVar, Final

from policyc.runtime.containers.engine import SECONDS, EngineError, address, remove_container
from policyc.runtime.sandbox.docker.attestation import SCRIPT, UNKNOWN, seen, wanting
from policyc.runtime.sandbox.docker.cgroup import Counters
from policyc.runtime.sandbox.docker.connection import PATIENCE_SECONDS, Connection
from policyc.runtime.sandbox.docker.container import (
    check_runs,
    declared_volumes,
    found,
    made,
    sweep,
    usage_of,
    useless,
)
from policyc.runtime.sandbox.docker.events import Events
from policyc.runtime.sandbox.docker.hardening import command_user, options
from policyc.runtime.sandbox.docker.labels import ENDED, SPEC, USER, name_filter, record_of
from policyc.runtime.sandbox.docker.preflight import capabilities
from policyc.runtime.sandbox.docker.process import DockerProcess
from policyc.runtime.sandbox.docker.stream import started
from policyc.runtime.sandbox.failures import (
    ProviderUnavailable,
    SandboxAbsent,
    SandboxError,
    SandboxLost,
)
from policyc.runtime.sandbox.provider import Provider
from policyc.runtime.sandbox.spec import WORKSPACE, SandboxSpec, own_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docker import DockerClient
    from docker.models.containers import Container

    from policyc.runtime.sandbox.provider import Capabilities, Creation, Process, Record, Usage

_KILL_SECONDS: Final = 5.0
"""Killed processes may take to be gone, before the sandbox is killed."""
_KILL_AGAIN_SECONDS: Final = 1.0
"""Where a sandbox is full of processes, what kills them cannot always be started."""
_LOOK_SECONDS: Final = 0.02
_ATTEST_SECONDS: Final = 15.0
_KILL_ALL: Final = ("sh", "-c", "kill -9 -1")


class DockerProvider(Provider):
    """Sandboxes that are containers."""

    name: ClassVar[str] = "docker"

    def __init__(self, *, patience: float = PATIENCE_SECONDS, seconds: int = SECONDS) -> None:
        """`patience`: seconds that an engine which is started again may take; `seconds`: that one
        request to it may take."""
        self._connection = Connection(patience=patience, seconds=seconds)
        self._events = Events()

    @property
    def scope(self) -> str:
        return f"docker {address()}"

    def check(self, spec: SandboxSpec) -> None:
        with self._connection.client() as client:
            declared_volumes(client, spec.image or own_image())

    def probe(self) -> Capabilities:
        try:
            with self._connection.client(patience=0.0) as client:
                return capabilities(client.info())
        except ProviderUnavailable:
            raise
        except SandboxError as error:
            raise ProviderUnavailable(str(error)) from None

    def create(self, creation: Creation) -> Record:
        with self._connection.client() as client:
            image = creation.spec.image or own_image()
            volumes = declared_volumes(client, image)
            sweep(client)
            container = made(client, image, options(creation, volumes))
            try:
                container.start()
                self._attest(creation)
                record = self.record(creation.id)
                if record is None:
                    raise useless(image)
            except (SandboxAbsent, SandboxLost):
                remove_container(container)
                raise useless(image) from None
            except BaseException:
                remove_container(container)
                raise
            return record

    def records(self) -> list[Record]:
        return sorted(self._listed(), key=lambda one: one.created, reverse=True)

    def record(self, sandbox: str) -> Record | None:
        records = self._listed(name=name_filter(sandbox))
        return next((one for one in records if one.id == sandbox), None)

    def start_process(
        self, sandbox: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> Process:
        try:
            with self._connection.client() as client:
                return self._started(client, sandbox, argv, environment or {})
        except ProviderUnavailable as error:
            raise SandboxLost(str(error)) from None

    def kill_processes(self, sandbox: str) -> None:
        from docker.errors import NotFound  # noqa: PLC0415  # slow to load

        with self._connection.client() as client:
            container = found(client, sandbox)
            if container.status == "paused":
                # What is stopped in place cannot be killed from inside.
                container.unpause()
                self._kill(client, container)
                with suppress(NotFound):  # killed as a whole
                    container.pause()
            elif container.status == "running":
                self._kill(client, container)

    def pause(self, sandbox: str) -> None:
        with self._connection.client() as client:
            container = found(client, sandbox)
            if container.status != "paused":
                check_runs(container)
                container.pause()

    def resume(self, sandbox: str) -> None:
        with self._connection.client() as client:
            container = found(client, sandbox)
            if container.status == "paused":
                container.unpause()
            else:
                check_runs(container)

    def remove(self, sandbox: str) -> None:
        with self._connection.client() as client, suppress(SandboxAbsent):
            remove_container(found(client, sandbox, ended=True))

    def usage(self, sandbox: str) -> Usage:
        with self._connection.client() as client:
            container = found(client, sandbox)
            return usage_of(client.api.stats(str(container.id), stream=False, one_shot=True))

    def attestation(self, sandbox: str) -> Mapping[str, str]:
        end = time.monotonic() + _ATTEST_SECONDS
        told = bytearray()
        with self.start_process(sandbox, ("sh", "-c", SCRIPT)) as process:
            process.close_input()
            while (chunk := process.read(end - time.monotonic())) is not None:
                # A variable of the sandbox may have complaints written beside it.
                if chunk.stream == "stdout":
                    told += chunk.data
        return seen(told.decode("utf-8", "replace"))

    def close(self) -> None:
        self._events.close()
        self._connection.close()

    def _listed(self, **filters: str) -> list[Record]:
        with self._connection.client() as client:
            label = f"{USER}={os.getuid()}"
            listed = client.api.containers(all=True, filters={"label": label, **filters})
        return [record_of(one) for one in listed if one["State"] != ENDED]

    def _attest(self, creation: Creation) -> None:
        """Look at the protections from inside.

        Raises:
            SandboxLost: nothing can be looked at.
            SandboxError: one is not there.
        """
        try:
            facts = self.attestation(creation.id)
        except TimeoutError:
            raise SandboxError(
                f"the sandbox `{creation.id}` does not tell its protections in time: the machine is"
                " too busy, or its image has no `sh` and `cat`"
            ) from None
        if facts["user"] == UNKNOWN:
            raise SandboxLost(f"the sandbox `{creation.id}` tells nothing of itself")
        lacking = wanting(facts, creation.spec)
        if lacking:
            raise SandboxError(
                "the container engine does not give a sandbox the protections that it was told: "
                f"{', '.join(lacking)}; it is removed, see docs/guides/sandbox-docker.md"
            )

    def _started(
        self,
        client: DockerClient,
        sandbox: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
    ) -> Process:
        from docker.errors import APIError  # noqa: PLC0415  # slow to load

        container = found(client, sandbox)
        check_runs(container)
        counters = Counters.of(str(container.id), container.attrs["State"]["Pid"])
        try:
            execution = _prepared(client, container, argv, environment)
        except APIError as error:
            if error.status_code not in (404, 409):
                raise
            check_runs(found(client, sandbox))  # it changed in the meantime
            # The engine knows before it tells.
            raise SandboxLost(
                f"the sandbox `{sandbox}` does not run ({error.explanation})"
            ) from None
        watch = self._events.watch(client, str(container.id), execution)
        try:
            stream = started(client, execution, self._connection.seconds)
        except BaseException as error:
            self._events.forget(watch)
            if isinstance(error, EngineError):
                check_runs(found(client, sandbox))  # where it ended, that is why
            raise
        return DockerProcess(self._connection, self._events, watch, stream, counters)

    def _kill(self, client: DockerClient, container: Container) -> None:
        """Kill all commands of a container that runs, or the container."""
        from docker.errors import APIError  # noqa: PLC0415  # slow to load

        counters = Counters.of(str(container.id), container.attrs["State"]["Pid"])
        end = time.monotonic() + _KILL_SECONDS
        again = 0.0
        while _commands(client, container, counters):
            now = time.monotonic()
            if now >= end:
                remove_container(container)
                return
            if now < again:
                time.sleep(_LOOK_SECONDS)
                continue
            again = now + _KILL_AGAIN_SECONDS
            with suppress(APIError, EngineError):
                execution = _prepared(client, container, _KILL_ALL, {})
                stream = started(client, execution, _KILL_AGAIN_SECONDS)
                with closing(stream), suppress(TimeoutError):
                    while stream.read(again - time.monotonic()) is not None:
                        pass


def _prepared(
    client: DockerClient,
    container: Container,
    argv: Sequence[str],
    environment: Mapping[str, str],
) -> str:
    """The id of a process that can be started in a container."""
    spec = json.loads(container.labels[SPEC])
    user = command_user(spec["loosened"])
    answer = client.api.exec_create(
        container.id,
        list(argv),
        stdin=True,
        user=f"{user}:{user}",
        workdir=WORKSPACE,
        environment={**spec["environment"], **environment},
    )
    return str(answer["Id"])


def _commands(client: DockerClient, container: Container, counters: Counters | None) -> bool:
    """Whether something of the commands is left in a container."""
    from docker.errors import APIError  # noqa: PLC0415  # slow to load

    if counters is not None:
        left = counters.commands()
        if left is not None:
            return bool(left)
    try:
        told = client.api.top(str(container.id), ps_args="-eo pid,uid,stat")
    except APIError:
        container.reload()
        return container.status == "running"
    keeper = next((row[1] for row in told["Processes"]), None)
    return any(row[1] != keeper and not row[2].startswith("Z") for row in told["Processes"])
