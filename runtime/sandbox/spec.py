"""What a sandbox is made of and what it may do.

What must never be given to a sandbox cannot be said here: privileges, devices, capabilities, the
host's namespaces, the socket of an engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from policyc.runtime.sandbox.failures import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

USER: Final = 10001
"""The user and group id that commands run as."""
KEEPER: Final = 10000
"""The user id of the process that keeps a sandbox alive: commands cannot signal it."""

WORKSPACE: Final = "/ws"
"""The working directory in a sandbox, and the only folder that is its own."""
TEMPORARY: Final = "/tmp"  # noqa: S108  # of the sandbox
SECRETS: Final = "/run/secrets"
"""Where the files of secrets lie, readable by the user of commands only."""
EGRESS: Final = "/run/policyc"
"""Where the folder with the socket of the proxy is seen in a sandbox that may reach hosts."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_HOST: Final = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?(?::[0-9]{1,5})?")
_ENGINE_SOCKETS: Final = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")


Loosening = Literal["open-network", "writable-root", "engine-seccomp", "root-user"]
LOOSENINGS: Final[Mapping[str, str]] = {
    "open-network": "the sandbox reaches every host that this machine reaches",
    "writable-root": "commands may change the files of the image",
    "engine-seccomp": "system calls are filtered by the provider's own list only",
    "root-user": "commands run as user 0 of the sandbox, still without capabilities",
}
"""Ways to have less protection than the default. Each must be named, and is in the audit log."""

MIB: Final = 1024 * 1024


def own_image() -> str:
    """The tag of the image that `policyc sandbox build-image` of this version makes."""
    return f"policyc/sandbox:{version('policyc')}"


@dataclass(frozen=True, slots=True)
class Resources:
    """What a sandbox may use. Sizes are in bytes, times in seconds.

    `disk` is the room of the workspace, `temporary` that of the folder for temporary files; both
    are memory, so together they must fit into half of `memory`. `seconds` and `output` (standard
    output and error together) bound one command, `lifetime` the sandbox as a whole, `idle` the time
    without a command (None: as long as it lives).
    """

    memory: int = 1024 * MIB
    cpus: float = 1.0
    processes: int = 128
    open_files: int = 1024
    disk: int = 256 * MIB
    temporary: int = 64 * MIB
    seconds: float = 120.0
    output: int = MIB
    lifetime: float = 3600.0
    idle: float | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None and one.name == "idle":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise InvalidSpec(f"the limit `{one.name}` must be a positive number, not {value}")
        if self.disk + self.temporary > self.memory // 2:
            raise InvalidSpec(
                f"`disk` ({self.disk} bytes) and `temporary` ({self.temporary}) are memory: "
                f"together they may be half of `memory` ({self.memory}), or a full disk would end "
                "the sandbox"
            )


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the host that is seen in the sandbox, read-only unless said otherwise."""

    source: str
    target: str
    writable: bool = False

    def __post_init__(self) -> None:
        source = Path(self.source)
        if not source.is_absolute():
            raise InvalidSpec(f"the mount `{self.source}` must be an absolute path of this machine")
        if not source.exists():
            raise InvalidSpec(f"there is no `{self.source}` to be mounted")
        real = source.resolve()
        if real.name in _ENGINE_SOCKETS or real.is_socket():
            raise InvalidSpec(f"`{self.source}` is a socket: it would be a way out of the sandbox")
        if real == Path("/") or real.parts[1] in ("proc", "sys", "dev", "run"):
            raise InvalidSpec(f"`{self.source}` belongs to the system and is never mounted")
        _check_target(self.target)


def _check_target(target: str) -> None:
    path = PurePosixPath(target)
    if not path.is_absolute() or ".." in path.parts:
        raise InvalidSpec(f"the place `{target}` in the sandbox must be an absolute path")
    if len(path.parts) < 2 or path.parts[1] in ("proc", "sys", "dev", "run", "etc", "usr", "bin"):
        raise InvalidSpec(f"nothing is mounted at `{target}`: use a folder such as `{WORKSPACE}/x`")


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """How to make a sandbox.

    Args:
        image: its tag; None is the image of this version of policyc (providers without images
            show the programs of the host).
        environment: variables of every command. Nothing of the host's environment is passed on.
        mounts: folders of the host.
        resources: limits.
        allow_hosts: names that may be reached through the proxy, `*.example.org` with all below
            it, `name:port` where the port is not that of the web; empty: no network at all.
        ports: names and numbers of ports in the sandbox that are served on this machine's loopback.
        secrets: contents of files under `/run/secrets`; they are in no trace, log or `repr`.
        loosened: protections to do without, see `LOOSENINGS`.
        labels: of the host, to find it again.

    Raises:
        InvalidSpec: it cannot be carried out, or would not be safe.
    """

    image: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    resources: Resources = field(default_factory=Resources)
    allow_hosts: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    loosened: frozenset[Loosening] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.environment.items():
            if not _NAME.fullmatch(name) or "\0" in value:
                raise InvalidSpec(f"`{name}` is no variable of an environment")
        for name in self.secrets:
            if not _SECRET.fullmatch(name):
                raise InvalidSpec(f"`{name}` is no name for the file of a secret")
        for host in self.allow_hosts:
            if not _HOST.fullmatch(host):
                raise InvalidSpec(
                    f"`{host}` is no name of a host: write it like `example.org`, `*.example.org` "
                    "or `example.org:8443`"
                )
        for name, number in self.ports.items():
            if not 0 < number < 65536:
                raise InvalidSpec(f"the port `{name}` cannot be {number}")
        for name in self.loosened:
            if name not in LOOSENINGS:
                raise InvalidSpec(f"there is no `{name}` to be loosened: {', '.join(LOOSENINGS)}")

    def to_dict(self) -> dict[str, Any]:
        """The specification as JSON values, without the secrets: of these only the names."""
        return {
            "image": self.image,
            "environment": dict(self.environment),
            "mounts": [
                {"source": one.source, "target": one.target, "writable": one.writable}
                for one in self.mounts
            ],
            "resources": {one.name: getattr(self.resources, one.name) for one in fields(Resources)},
            "allow_hosts": list(self.allow_hosts),
            "ports": dict(self.ports),
            "secrets": sorted(self.secrets),
            "loosened": sorted(self.loosened),
            "labels": dict(self.labels),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The specification that `to_dict` told, without the secrets.

        Raises:
            InvalidSpec: it is none.
        """
        try:
            return cls(
                image=data["image"],
                environment=dict(data["environment"]),
                mounts=tuple(Mount(**one) for one in data["mounts"]),
                resources=Resources(**data["resources"]),
                allow_hosts=tuple(data["allow_hosts"]),
                ports=dict(data["ports"]),
                loosened=frozenset(data["loosened"]),
                labels=dict(data["labels"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidSpec(f"this is no specification of a sandbox: {error}") from None
