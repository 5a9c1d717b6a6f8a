"""From what a sandbox is to be to what the kernel is asked for."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.embedded import linux
from policyc.runtime.sandbox.embedded.plan import Bind, Plan
from policyc.runtime.sandbox.failures import InvalidSpec
from policyc.runtime.sandbox.spec import EGRESS, KEEPER, SECRETS, TEMPORARY, USER, WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from policyc.runtime.sandbox.provider import Creation
    from policyc.runtime.sandbox.spec import Resources, SandboxSpec

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROXY: Final = "http://127.0.0.1:3128"
_ADDRESSES: Final = 64 * 1024**3
"""How much more than its memory a process may have as addresses: runtimes reserve without using,
10 GiB for each instance of WebAssembly in Node. What is written to is bound by RLIMIT_DATA."""


def has_root() -> bool:
    """Whether this process may make sandboxes as other users of the host."""
    if os.geteuid() != 0 or not linux.effective_capabilities() >> linux.CAP_SYS_ADMIN & 1:
        return False
    return all(
        any(first <= uid < first + many for first, _, many in _users()) for uid in (USER, KEEPER)
    )


def is_root_of_the_host() -> bool:
    """Whether this process is user 0 for the kernel, whatever it is called here."""
    own = os.geteuid()
    return any(
        first <= own < first + many and outer + own - first == 0 for first, outer, many in _users()
    )


def _users() -> list[tuple[int, int, int]]:
    """The ids that this process can see: the first here, the first outside, how many."""
    found = []
    with open("/proc/self/uid_map", encoding="ascii") as file:
        for line in file:
            first, outer, many = map(int, line.split())
            found.append((first, outer, many))
    return found


def check(spec: SandboxSpec) -> None:
    """Refuse what this provider does not have.

    Raises:
        InvalidSpec: saying which provider has it.
    """
    if spec.image is not None:
        raise InvalidSpec(
            f"an embedded sandbox shows the programs of this machine and has no images such as "
            f"`{spec.image}`: leave the image out, or use the provider `docker`"
        )
    if "writable-root" in spec.loosened:
        raise InvalidSpec(
            "an embedded sandbox shows the programs of this machine, which are never writable: "
            "leave `writable-root` out, or use the provider `docker`"
        )


def plan_of(
    creation: Creation,
    folder: Path,
    groups: list[str],
    refused: Mapping[str, str],
    without: Collection[str] = (),
) -> Plan:
    """The plan of a sandbox.

    Args:
        creation: what is asked for.
        folder: of the sandbox, on the host.
        groups: its control groups.
        refused: limits that the groups do not hold.
        without: protections to leave out, for tests.
    """
    spec = creation.spec
    as_root = has_root() and "root" not in without
    now = datetime.now(UTC)
    deadline = now + timedelta(seconds=spec.resources.lifetime)
    return Plan(
        folder=str(folder),
        user=0 if "root-user" in spec.loosened else USER,
        outer_user=USER if as_root else os.geteuid(),
        keeper=KEEPER,
        as_root=as_root,
        deadline=deadline.timestamp(),
        disk=spec.resources.disk,
        temporary=spec.resources.temporary,
        workspace=WORKSPACE,
        temporary_folder=TEMPORARY,
        secrets=SECRETS,
        limits=_limits(spec.resources, as_root, refused) if "limits" not in without else {},
        environment=_environment(creation),
        binds=[Bind(os.path.realpath(one.source), one.target, one.writable) for one in spec.mounts],
        egress=str(creation.egress) if creation.egress else "",
        egress_folder=EGRESS,
        open_network="open-network" in spec.loosened,
        cgroups=groups,
        without=list(without),
        record=_record(creation, now, deadline, groups),
    )


def _environment(creation: Creation) -> dict[str, str]:
    own = {"PATH": PATH, "HOME": WORKSPACE, "LANG": "C.UTF-8", "TMPDIR": TEMPORARY}
    if creation.egress:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            own[name] = PROXY
        own["no_proxy"] = own["NO_PROXY"] = "localhost,127.0.0.1,::1"
    return own | dict(creation.spec.environment)


def _limits(resources: Resources, as_root: bool, refused: Mapping[str, str]) -> dict[str, int]:
    """What the kernel holds each process, or the user of commands, to."""
    limits = {
        "RLIMIT_NPROC": resources.processes + (0 if as_root else 1),  # the keeper is the same user
        "RLIMIT_NOFILE": resources.open_files,
        "RLIMIT_FSIZE": resources.disk,
        "RLIMIT_CORE": 0,
        "RLIMIT_MSGQUEUE": 819200,
    }
    if "memory" in refused:
        limits["RLIMIT_DATA"] = resources.memory
        limits["RLIMIT_AS"] = resources.memory + _ADDRESSES
    return limits


def _record(
    creation: Creation, now: datetime, deadline: datetime, groups: list[str]
) -> dict[str, Any]:
    return {
        "id": creation.id,
        "created": now.isoformat(),
        "deadline": deadline.isoformat(),
        "owner": creation.owner,
        "policy": creation.policy,
        "cgroups": groups,
        "labels": {
            **creation.spec.labels,
            "policyc.sandbox.spec": json.dumps(creation.spec.to_dict()),
        },
    }
