"""How the container of a sandbox is made: each protection, as the engine is told it.

What each is for stands in docs/guides/sandbox-docker.md.
"""

from __future__ import annotations

import json
import math
import shlex
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.docker.labels import labels_of
from policyc.runtime.sandbox.spec import (
    EGRESS,
    KEEPER,
    MIB,
    SECRETS,
    TEMPORARY,
    USER,
    WORKSPACE,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from policyc.runtime.sandbox.provider import Creation
    from policyc.runtime.sandbox.spec import Mount, SandboxSpec

HOSTNAME: Final = "sandbox"
FORWARDER: Final = f"{EGRESS}/forward.py"
PROXY: Final = "http://127.0.0.1:3128"
PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
_NOT_PROXIED: Final = "localhost,127.0.0.1,::1"

SPARE_PROCESSES: Final = 16
"""Besides those of commands: the keeper's, and the threads of the engine that start a command."""

_SHARED_MEMORY: Final = 16 * MIB
_SECRETS_SIZE: Final = MIB
_PAGE: Final = 4096
_FEWEST_INODES: Final = 1024
_OOM_SCORE: Final = 500


def options(creation: Creation, volumes: Iterable[str] = ()) -> dict[str, Any]:
    """What the engine's `containers.create` takes for a sandbox, besides its image.

    `volumes` are the folders that the image declares as such: the engine would put each on the
    disk of this machine, with no bound, so nothing can be written there.
    """
    spec = creation.spec
    limits = spec.resources
    is_open = "open-network" in spec.loosened
    return {
        "name": creation.id,
        "labels": labels_of(creation, datetime.now(UTC)),
        "hostname": HOSTNAME,
        "entrypoint": _keeper(creation),
        "command": [],
        "user": f"{KEEPER}:{KEEPER}",
        "working_dir": WORKSPACE,
        # That of the specification is given to commands alone: the keeper heeds none.
        "environment": _proxies(creation),
        "init": True,
        "detach": True,
        "healthcheck": {"test": ["NONE"]},
        "log_config": {"Type": "none"},
        "cap_drop": ["ALL"],
        "security_opt": _security(spec),
        "read_only": "writable-root" not in spec.loosened,
        "tmpfs": _tmpfs(spec, volumes),
        "mounts": _mounts(creation),
        "network_mode": "bridge" if is_open else "none",
        "ipc_mode": "private",
        "shm_size": min(_SHARED_MEMORY, limits.memory // 16),
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,
        "oom_score_adj": _OOM_SCORE,
        "pids_limit": limits.processes + SPARE_PROCESSES,
        "nano_cpus": int(limits.cpus * 1e9),
        "ulimits": _ulimits(spec),
    }


def command_user(loosened: Container[str]) -> int:
    """The user that commands run as, with those protections loosened."""
    return 0 if "root-user" in loosened else USER


@cache
def seccomp_profile() -> str:
    """Our own list of system calls, as the engine takes it: JSON without blanks."""
    text = files("policyc.runtime.sandbox.docker").joinpath("seccomp.json").read_text("utf-8")
    return json.dumps(json.loads(text), separators=(",", ":"))


def _keeper(creation: Creation) -> list[str]:
    """What keeps the sandbox alive until its time is over. It belongs to another user than the
    commands, which therefore cannot end it."""
    seconds = str(math.ceil(creation.spec.resources.lifetime))
    keep = ["timeout", "-s", "KILL", seconds, "sleep", "infinity"]
    if creation.egress is None:
        return keep
    return ["sh", "-c", f"python3 {FORWARDER} & exec {shlex.join(keep)}"]


def _proxies(creation: Creation) -> dict[str, str]:
    if creation.egress is None:
        return {}
    return dict.fromkeys(PROXY_VARIABLES, PROXY) | {"no_proxy": _NOT_PROXIED}


def _security(spec: SandboxSpec) -> list[str]:
    told = ["no-new-privileges:true"]
    if "engine-seccomp" not in spec.loosened:
        told.append(f"seccomp={seccomp_profile()}")
    return told


def _tmpfs(spec: SandboxSpec, volumes: Iterable[str]) -> dict[str, str]:
    """The folders in memory, besides those that a folder of the host is seen at."""
    user = command_user(spec.loosened)
    own = f"uid={user},gid={user},mode=0700"
    limits = spec.resources
    folders = {
        **{one: f"ro,noexec,nosuid,nodev,size={_PAGE}" for one in volumes},
        WORKSPACE: f"exec,nosuid,nodev,{_room(limits.disk)},{own}",
        TEMPORARY: f"noexec,nosuid,nodev,{_room(limits.temporary)},mode=1777",
        SECRETS: f"noexec,nosuid,nodev,{_room(_SECRETS_SIZE)},{own}",
    }
    mounted = {one.target for one in spec.mounts}
    return {place: how for place, how in folders.items() if place not in mounted}


def _room(size: int) -> str:
    """The bound of a folder in bytes and in files: each of these takes memory as well."""
    return f"size={size},nr_inodes={max(size // _PAGE, _FEWEST_INODES)}"


def _mounts(creation: Creation) -> list[dict[str, Any]]:
    mounts = [_folder(one) for one in creation.spec.mounts]
    if creation.egress is not None:
        mounts.append(_bind(str(creation.egress), EGRESS, writable=False))
    return mounts


def _folder(mount: Mount) -> dict[str, Any]:
    return _bind(str(Path(mount.source).resolve()), mount.target, writable=mount.writable)


def _bind(source: str, target: str, *, writable: bool) -> dict[str, Any]:
    """Not what is mounted below it: that would stay writable where it itself is read-only."""
    return {
        "Type": "bind",
        "Source": source,
        "Target": target,
        "ReadOnly": not writable,
        "BindOptions": {"Propagation": "rprivate", "NonRecursive": True},
    }


def _ulimits(spec: SandboxSpec) -> list[dict[str, Any]]:
    limits = spec.resources
    bounds = {
        "nofile": limits.open_files,
        "core": 0,
        # A full folder is met before, and is an error that programs know; this ends a sparse file.
        "fsize": max(limits.disk, limits.temporary) + _PAGE,
    }
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in bounds.items()]
