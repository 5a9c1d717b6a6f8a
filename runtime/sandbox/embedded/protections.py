"""What protects an embedded sandbox on this machine."""

from __future__ import annotations

import platform
import secrets

from policyc.runtime.sandbox.embedded import cgroups, landlock, planning
from policyc.runtime.sandbox.provider import Capabilities
from policyc.runtime.sandbox.spec import Resources

_ALWAYS = frozenset(
    {"processes", "open_files", "disk", "temporary", "seconds", "output", "lifetime", "idle"}
)


def capabilities() -> Capabilities:
    """What is given to a sandbox that is made now."""
    folders, refused = cgroups.make(f"probe-{secrets.token_hex(8)}", Resources())
    cgroups.remove(folders)
    parts = ["namespaces", "seccomp"]
    degraded = []
    if landlock.abi() >= landlock.NEEDED:
        parts.insert(1, "Landlock")
    else:
        degraded.append(
            "files are bound by the mount namespace only: this kernel has no Landlock, or it is "
            "switched off (`lsm=` of the kernel's command line)"
        )
    if "memory" in refused:
        degraded.append(
            f"`memory` bounds each process, not all of them together: {refused['memory']}"
        )
    if "cpus" in refused:
        degraded.append(f"`cpus` is not held: {refused['cpus']}")
    if not planning.has_root():
        degraded.append("commands are the same user of the host as you, in a user namespace")
    return Capabilities(
        provider="embedded",
        version=platform.release(),
        isolation=", ".join(parts),
        enforced=_ALWAYS | {"memory", "cpus"} - set(refused),
        can_pause=True,
        degraded=tuple(degraded),
    )
