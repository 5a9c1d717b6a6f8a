"""The protections of a sandbox as they are seen from inside. An engine may take an option and do
nothing about it: where limits cannot be had some are silent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.docker.hardening import SPARE_PROCESSES, command_user
from policyc.runtime.sandbox.spec import KEEPER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.runtime.sandbox.spec import SandboxSpec

_GROUPS: Final = "/sys/fs/cgroup"
_FILES: Final = (
    *("/proc/self/status", "/proc/1/status", "/proc/self/mountinfo", "/proc/self/limits"),
    *(f"{_GROUPS}/memory/memory.limit_in_bytes", f"{_GROUPS}/memory.max"),
    *(f"{_GROUPS}/pids/pids.max", f"{_GROUPS}/pids.max"),
    *(f"{_GROUPS}/cpu/cpu.cfs_quota_us", f"{_GROUPS}/cpu/cpu.cfs_period_us"),
    f"{_GROUPS}/cpu.max",
)
_SOCKETS: Final = (
    *("/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock"),
    *("/run/podman/podman.sock", "/run/crio/crio.sock"),
)
SCRIPT: Final = f"""
for f in {" ".join(_FILES)}; do echo "# $f"; cat "$f" 2>/dev/null; done
echo "# network"; for f in /sys/class/net/*; do echo "${{f##*/}}"; done
echo "# sockets"; for f in {" ".join(_SOCKETS)}; do [ -e "$f" ] && echo "$f"; done
echo "# end"
"""
"""What is run in a sandbox, as the user of commands, to see them."""

UNKNOWN: Final = "unknown"
_SETS: Final = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_READ_ONLY: Final = "read-only"


def seen(output: str) -> dict[str, str]:
    """What the script saw, by the name of each protection; what it could not see is `unknown`."""
    parts = dict(
        (title.strip(), text.strip())
        for title, _, text in (one.partition("\n") for one in re.split(r"^# ", output, flags=re.M))
    )
    own, first = _table(parts.get("/proc/self/status")), _table(parts.get("/proc/1/status"))
    mounts = _mounts(parts.get("/proc/self/mountinfo", ""))
    return {
        "user": own.get("Uid", UNKNOWN).split()[0],
        "keeper": first.get("Uid", UNKNOWN).split()[0],
        "capabilities": _capabilities(own),
        "no_new_privileges": own.get("NoNewPrivs", UNKNOWN),
        "seccomp": own.get("Seccomp", UNKNOWN),
        "root": mounts.get("/", UNKNOWN),
        "proc_sys": mounts.get("/proc/sys", UNKNOWN),
        "network": " ".join(parts.get("network", UNKNOWN).split()),
        "memory": _first(parts, f"{_GROUPS}/memory/memory.limit_in_bytes", f"{_GROUPS}/memory.max"),
        "processes": _first(parts, f"{_GROUPS}/pids/pids.max", f"{_GROUPS}/pids.max"),
        "cpus": _cpus(parts),
        "open_files": _open_files(parts.get("/proc/self/limits", "")),
        "engine_sockets": parts.get("sockets", UNKNOWN) or "none",
    }


def promised(spec: SandboxSpec) -> dict[str, str]:
    """What must be seen in a sandbox of that specification."""
    limits = spec.resources
    expected = {
        "user": str(command_user(spec.loosened)),
        "keeper": str(KEEPER),
        "capabilities": "none",
        "no_new_privileges": "1",
        "seccomp": "2",
        "root": _READ_ONLY,
        "proc_sys": _READ_ONLY,
        "network": "lo",
        "memory": str(limits.memory // 4096 * 4096),
        "processes": str(limits.processes + SPARE_PROCESSES),
        "cpus": f"{limits.cpus:g}",
        "open_files": str(limits.open_files),
        "engine_sockets": "none",
    }
    if "open-network" in spec.loosened:
        del expected["network"]
    if "writable-root" in spec.loosened:
        del expected["root"]
    return expected


def wanting(facts: Mapping[str, str], spec: SandboxSpec) -> list[str]:
    """The protections that were promised and are not there, in words."""
    return [
        f"`{name}` is {facts.get(name, 'unknown')} instead of {value}"
        for name, value in promised(spec).items()
        if facts.get(name) != value
    ]


def _table(text: str | None) -> dict[str, str]:
    rows = (line.partition(":") for line in (text or "").splitlines())
    return {name: value.strip() for name, _, value in rows}


def _capabilities(status: Mapping[str, str]) -> str:
    held = [f"{one}={status.get(one, 'unknown')}" for one in _SETS]
    return "none" if all(int(status.get(one) or "1", 16) == 0 for one in _SETS) else " ".join(held)


def _mounts(text: str) -> dict[str, str]:
    """What is mounted where: read-only or not. What was mounted last at a place is on top."""
    rows = [line.split() for line in text.splitlines()]
    return {
        row[4]: _READ_ONLY if "ro" in row[5].split(",") else "writable"
        for row in rows
        if len(row) > 5
    }


def _first(parts: Mapping[str, str], *names: str) -> str:
    return next((parts[one] for one in names if parts.get(one)), UNKNOWN)


def _cpus(parts: Mapping[str, str]) -> str:
    quota = parts.get(f"{_GROUPS}/cpu/cpu.cfs_quota_us")
    told = [quota, parts.get(f"{_GROUPS}/cpu/cpu.cfs_period_us")]
    if not quota:
        told = list(parts.get(f"{_GROUPS}/cpu.max", "").split())
    match told:
        case [str(share), str(period)] if share.isdecimal() and period.isdecimal():
            return f"{int(share) / int(period):g}"
        case _:
            return "unlimited" if any(told) else UNKNOWN


def _open_files(text: str) -> str:
    found = re.search(r"^Max open files\s+\S+\s+(\S+)", text, flags=re.M)
    return found[1] if found else UNKNOWN
