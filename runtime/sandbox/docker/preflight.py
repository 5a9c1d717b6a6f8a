"""What the engine can do on this machine, before anything is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.failures import ProviderUnavailable
from policyc.runtime.sandbox.provider import Capabilities

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED: Final = {
    "MemoryLimit": "memory",
    "PidsLimit": "processes",
    "CpuCfsQuota": "cpus",
}
"""What the engine tells of itself, and the limit that does not hold without."""
_ALWAYS: Final = frozenset(
    ("open_files", "disk", "temporary", "lifetime", "seconds", "output", *_NEEDED.values())
)


def capabilities(info: Mapping[str, Any]) -> Capabilities:
    """What an engine gives that tells this of itself.

    Raises:
        ProviderUnavailable: a sandbox there would have less than is promised.
    """
    security = [str(one) for one in info.get("SecurityOptions") or ()]
    if info.get("OSType") != "linux":
        raise ProviderUnavailable(
            "the container engine runs containers of Windows, and a sandbox is one of Linux: switch"
            " it to Linux containers"
        )
    if not _has(security, "seccomp"):
        raise ProviderUnavailable(
            "the container engine cannot filter system calls (no seccomp): use an engine and a "
            "kernel that can"
        )
    missing = [limit for name, limit in _NEEDED.items() if not info.get(name)]
    if missing:
        raise ProviderUnavailable(
            f"the container engine cannot limit {' and '.join(missing)} here (an engine without "
            "root, or a kernel without the control groups): run it as root, or with cgroup v2 and "
            "systemd, see docs/guides/sandbox-docker.md"
        )
    return Capabilities(
        provider="docker",
        version=str(info.get("ServerVersion", "unknown")),
        isolation=f"container ({info.get('DefaultRuntime') or 'runc'})",
        enforced=_ALWAYS,
        can_pause=True,
        degraded=tuple(_degraded(info, security)),
    )


def _degraded(info: Mapping[str, Any], security: list[str]) -> list[str]:
    found = []
    if not info.get("SwapLimit"):
        found.append("swap cannot be limited here: a sandbox may use as much again as its memory")
    if not _has(security, "userns"):
        found.append(
            "user ids are those of the host (no userns-remap): a way out of a container would be "
            "one to a user of this machine"
        )
    if not (_has(security, "apparmor") or _has(security, "selinux")):
        found.append("there is no AppArmor and no SELinux: system calls are filtered only")
    if not info.get("LiveRestoreEnabled"):
        found.append("sandboxes end when the engine is started again (no live-restore)")
    return found


def _has(security: list[str], name: str) -> bool:
    return any(one == f"name={name}" or one.startswith(f"name={name},") for one in security)
