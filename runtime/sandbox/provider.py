"""What runs sandboxes: the border between the runner and an engine, a kernel or another machine.

A provider only does what it is told and judges nothing; nobody but the gate holds one. Everything
that is done in a sandbox (commands, files, ports) is a process that is started in it, so a provider
needs no way in besides that one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from policyc.runtime.sandbox.spec import SandboxSpec


class Status(StrEnum):
    """The states of a sandbox; the names are those of OpenHands."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class Creation:
    """A sandbox to be made.

    `id` is unique; `owner` tells which runner it belongs to; `policy` is the digest of the policy
    that it is gated by. `egress` is a folder of the host with the socket of the proxy, where the
    specification allows hosts.
    """

    id: str
    spec: SandboxSpec
    owner: str
    policy: str
    egress: Path | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A sandbox as its provider knows it. `deadline` is when it ends by itself."""

    id: str
    status: Status
    created: datetime
    deadline: datetime
    owner: str
    policy: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider gives on this machine.

    `isolation` names what separates a sandbox from the host. `enforced` are the limits of
    `Resources` that hold, `degraded` says in words what does not, and why.
    """

    provider: str
    version: str
    isolation: str
    enforced: frozenset[str]
    can_pause: bool
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What a sandbox uses now: bytes of memory, processes, and seconds of CPU since it began. None
    where the provider cannot tell."""

    memory: int | None
    processes: int | None
    cpu_seconds: float | None


class Chunk(NamedTuple):
    """Some of what a process wrote."""

    stream: Literal["stdout", "stderr"]
    data: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """How a process ended: with an exit code, by a signal, or nobody knows, because its sandbox or
    the provider was `lost`.

    `limit` is the limit that the provider saw it, or a process that it started, reach.
    """

    exit_code: int | None = None
    signal: int | None = None
    lost: Literal["", "sandbox", "provider"] = ""
    limit: Literal["", "memory", "processes", "disk"] = ""


class Process(ABC):
    """A process that was started in a sandbox. One thread at a time reads; another may write.

    Leaving the context lets go of it, whatever it does.
    """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send to its standard input, all of it.

        Raises:
            BrokenPipeError: it does not read any more.
        """

    @abstractmethod
    def close_input(self) -> None:
        """End its standard input; may be called again."""

    @abstractmethod
    def read(self, timeout: float | None) -> Chunk | None:
        """What it wrote next, a piece of at most 64 KiB; None when both streams are at their end.

        Raises:
            TimeoutError: there was nothing for `timeout` seconds.
        """

    @abstractmethod
    def finish(self, timeout: float) -> Finish:
        """How it ended. It may be asked before `read` gave None: what a process started may hold
        its streams for longer than it lives.

        Raises:
            TimeoutError: it has not ended within `timeout` seconds.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of it: what it still writes is not wanted. It is not killed by this."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Provider(ABC):
    """Something that runs sandboxes. Any number of threads and processes use the same one.

    Nothing is remembered: each answer is looked up. Whatever a provider is asked, it answers within
    a time of its own or raises a `SandboxError`.
    """

    name: ClassVar[str]
    """As in the entry point group `policyc.sandboxes`."""

    @property
    def scope(self) -> str:
        """A word for which sandboxes `records` tells of: the same for providers that see the same
        ones, so that what is written about these is kept in one place."""
        return self.name

    def check(self, spec: SandboxSpec) -> None:  # noqa: B027  # most find out by `create`
        """Refuse what could not be made, as far as that is known before; nothing is made.

        Raises:
            InvalidSpec: it asks for what this provider does not have.
            ImageAbsent: the image is not there.
        """

    @abstractmethod
    def probe(self) -> Capabilities:
        """What it gives on this machine.

        Raises:
            ProviderUnavailable: nothing; the message says what to do.
        """

    @abstractmethod
    def create(self, creation: Creation) -> Record:
        """Make a sandbox and start it. The protections that were promised are looked at from
        inside, and a sandbox without them is removed.

        Raises:
            ImageAbsent: the image is not there; the message says how to get it.
            SandboxError: it cannot be made. Nothing is left of it.
        """

    @abstractmethod
    def records(self) -> list[Record]:
        """All sandboxes of this user, of whatever process, newest first."""

    @abstractmethod
    def record(self, sandbox: str) -> Record | None:
        """One of them; None where it is not there."""

    @abstractmethod
    def start_process(
        self, sandbox: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start a process as the user of commands, in the workspace, with the environment of the
        specification and `environment`.

        Raises:
            SandboxAbsent: there is no such sandbox.
            WrongState: it is paused.
            SandboxLost: it ended, or the provider is gone.
        """

    @abstractmethod
    def kill_processes(self, sandbox: str) -> None:
        """Kill everything that was started in a sandbox and keep the sandbox; where that does not
        work, kill the sandbox."""

    @abstractmethod
    def pause(self, sandbox: str) -> None:
        """Stop a running sandbox in place. Nothing happens to one that is paused."""

    @abstractmethod
    def resume(self, sandbox: str) -> None:
        """Let a paused sandbox go on. Nothing happens to one that runs."""

    @abstractmethod
    def remove(self, sandbox: str) -> None:
        """End a sandbox and delete all that it has; a sandbox that is not there is no error."""

    @abstractmethod
    def usage(self, sandbox: str) -> Usage:
        """What a sandbox uses now."""

    def attestation(self, sandbox: str) -> Mapping[str, str]:
        """What was seen from inside of the protections of a sandbox, for the audit log."""
        return {}

    def close(self) -> None:  # noqa: B027  # most have nothing to end
        """Let go of connections. Sandboxes live on."""
