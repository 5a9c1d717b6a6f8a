"""What the process that makes a sandbox is told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder or file of the host, as it is seen in the sandbox."""

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A sandbox, in terms of the kernel. Sizes are in bytes, times in seconds.

    `folder` is its folder on the host. `user` is the id that commands have in the sandbox and
    `outer_user` the one that it is on the host; `keeper` is that of the first process. `as_root`:
    the maker may use more than one id of the host. `cgroups` are its folders, made already.
    `limits` are names of `resource.RLIMIT_*` and their values for commands. `without` are
    protections to leave out, for tests that show what they are for. `record` is written into the
    folder once the sandbox is there.
    """

    folder: str
    user: int
    outer_user: int
    keeper: int
    as_root: bool
    deadline: float
    disk: int
    temporary: int
    workspace: str
    temporary_folder: str
    secrets: str
    limits: dict[str, int]
    environment: dict[str, str]
    binds: list[Bind] = field(default_factory=list)
    egress: str = ""
    egress_folder: str = ""
    open_network: bool = False
    cgroups: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        data = json.loads(text)
        return cls(**data | {"binds": [Bind(**one) for one in data["binds"]]})
