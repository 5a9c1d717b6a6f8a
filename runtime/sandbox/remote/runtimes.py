"""The sandboxes that a runtime API serves: what clients may have made of them, and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from policyc.runtime.sandbox.capacity import Capacity
from policyc.runtime.sandbox.events import EventStream
from policyc.runtime.sandbox.failures import InvalidSpec, SandboxAbsent
from policyc.runtime.sandbox.ids import is_id, prefix
from policyc.runtime.sandbox.notes import Notes
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.reaper import sweep
from policyc.runtime.sandbox.spec import MIB, USER, WORKSPACE, Resources, SandboxSpec

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from policyc.runtime.sandbox.provider import Provider, Record
    from policyc.runtime.sandbox.reaper import Reaped
    from policyc.runtime.sandbox.spec import Loosening

LIMIT: Final = 20
"""Sandboxes that hold resources at once."""

WAIT_SECONDS: Final = 60.0


class OwnPart(BaseModel):
    """What a client that is policyc says besides."""

    model_config = ConfigDict(extra="forbid")

    spec: dict[str, Any]
    owner: str = Field(default="", max_length=200)
    policy: str = Field(default="", max_length=200)


class StartRequest(BaseModel):
    """A sandbox to be made, as OpenHands asks for it; `policyc` has the whole specification."""

    model_config = ConfigDict(extra="forbid")

    session_id: str
    image: str | None = None
    command: str | list[str] | None = None
    working_dir: str = WORKSPACE
    environment: dict[str, str] = Field(default_factory=dict)
    resource_factor: float = Field(default=1, gt=0, le=8)
    run_as_user: int = USER
    run_as_group: int = USER
    fs_group: int = USER
    runtime_class: str | None = None
    policyc: OwnPart | None = None


class Runtimes:
    """The sandboxes of a provider, as far as clients of a runtime API see them.

    Args:
        limit: how many may hold resources at once; one more is refused, nothing is paused.
        begin: what ids begin with; others are not there.
        loosened: protections that clients may do without.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        limit: int | None = LIMIT,
        begin: str | None = None,
        loosened: frozenset[Loosening] = frozenset(),
    ) -> None:
        self.provider = provider
        self._prefix = prefix() if begin is None else begin
        self._loosened = loosened
        self._notes = Notes(f"served {provider.scope} {self._prefix}")
        self._capacity = Capacity(
            provider,
            self.records,
            self._notes.is_in_use,
            EventStream(),
            limit,
            self._notes.lock,
            WAIT_SECONDS,
        )

    def start(self, request: StartRequest) -> Record:
        """Make a sandbox.

        Raises:
            InvalidSpec: it asks for what clients may not have.
            LimitReached: there is no room.
        """
        if not is_id(request.session_id, self._prefix):
            raise InvalidSpec(
                f"`session_id` must be `{self._prefix}` and 22 letters or digits: it is the id of "
                "the sandbox"
            )
        spec = self._spec(request)
        self.provider.check(spec)
        ours = request.policyc or OwnPart(spec={})
        creation = Creation(request.session_id, spec, ours.owner, ours.policy)
        with self._capacity.room(makes_room=False):
            record = self.provider.create(creation)
        self._notes.begin(record.id, "", keeps=False)
        return record

    def records(self) -> list[Record]:
        """All of them, newest first."""
        return [one for one in self.provider.records() if is_id(one.id, self._prefix)]

    def present(self, sandbox: str) -> Record:
        """One of them.

        Raises:
            SandboxAbsent: it is not there.
        """
        record = self.provider.record(sandbox) if is_id(sandbox, self._prefix) else None
        if record is None:
            raise SandboxAbsent(f"there is no sandbox `{sandbox}`")
        return record

    def resume(self, sandbox: str) -> None:
        """Let one go on, if there is room."""
        self.present(sandbox)
        with self._capacity.room(makes_room=False):
            self.provider.resume(sandbox)
        self._notes.touch(sandbox)

    def remove(self, sandbox: str) -> None:
        """End one. It is told of until that has worked."""
        self.present(sandbox)
        self.provider.remove(sandbox)
        self._notes.forget(sandbox)

    def use(self, sandbox: str) -> AbstractContextManager[None]:
        """While this lasts it is not idle."""
        return self._notes.use(sandbox)

    def sweep(self) -> list[Reaped]:
        """Remove those whose time is up. Whether an owner on another machine lives is not known
        here: it sweeps its own."""
        return sweep(self.provider, self._notes, self.records)

    def _spec(self, request: StartRequest) -> SandboxSpec:
        """What a request asks for; what cannot be given is refused, never left out."""
        if request.command:
            raise InvalidSpec(
                "a sandbox of policyc has no command of its own: start processes in it, each of "
                "which is judged before"
            )
        if request.runtime_class is not None:
            raise InvalidSpec("`runtime_class` cannot be chosen")
        if {request.run_as_user, request.run_as_group, request.fs_group} != {USER}:
            raise InvalidSpec(f"commands run as user and group {USER}")
        if request.working_dir != WORKSPACE:
            raise InvalidSpec(f"`working_dir` is `{WORKSPACE}`")
        if request.policyc is None:
            default = Resources()
            return SandboxSpec(
                image=request.image,
                environment=request.environment,
                resources=Resources(
                    memory=int(default.memory * request.resource_factor) // MIB * MIB,
                    cpus=default.cpus * request.resource_factor,
                    disk=int(default.disk * min(1.0, request.resource_factor)),
                    temporary=int(default.temporary * min(1.0, request.resource_factor)),
                ),
            )
        told = request.policyc.spec
        # Before it is read: whether a folder is there is nothing that a client has to know.
        if told.get("mounts") or told.get("allow_hosts"):
            raise InvalidSpec("folders of the server and hosts are not given to clients")
        spec = SandboxSpec.from_dict(told)
        refused = spec.loosened - self._loosened
        if refused:
            raise InvalidSpec(
                f"the server does not allow to loosen {', '.join(sorted(refused))}: its operator "
                "has to"
            )
        return spec
