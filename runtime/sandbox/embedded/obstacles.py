"""Why a machine makes no sandboxes, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, NamedTuple

from policyc.runtime.sandbox.embedded import linux, planning

_OLDEST: Final = "5.12"


class _Switch(NamedTuple):
    """A setting of the kernel that keeps ordinary users from making namespaces."""

    file: str
    value: str
    setting: str


_SWITCHES: Final = (
    _Switch("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    _Switch("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
    _Switch(
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)


def before_trying() -> str:
    """Why it is not worth trying; empty where it is."""
    if sys.platform != "linux":
        return f"embedded sandboxes are made of what Linux has, and this is {sys.platform}"
    try:
        linux.architecture()
    except OSError as error:
        return str(error)
    if planning.is_root_of_the_host() and not planning.has_root():
        return (
            "you are root without the right to make namespaces, as in a container: commands would "
            "be the host's root, whom no limit of processes holds; be an ordinary user instead "
            "(with Docker: `--user 1000:1000`), or have the capability SYS_ADMIN"
        )
    return ""


def advice(failure: str) -> str:
    """What to do where making a sandbox failed so; empty where nothing is known."""
    if "mount_setattr" in failure and "not implemented" in failure:
        return f"Linux {_OLDEST} or newer is needed"
    if "mount of proc" in failure:
        return (
            "this is a container that hides parts of `/proc`; start it with "
            "`--security-opt systempaths=unconfined`"
        )
    closed = [one for one in _SWITCHES if _value(one.file) == one.value]
    if closed and not planning.has_root():
        settings = " ".join(one.setting for one in closed)
        return f"user namespaces are switched off; an administrator can run `sysctl -w {settings}`"
    if _is_filtered():
        return (
            "this is a container whose engine refuses namespaces; start it with "
            "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined`"
        )
    return ""


def _value(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text("ascii").strip()
    except OSError:
        return ""


def _is_filtered() -> bool:
    """Whether somebody filters the system calls of this process."""
    return "\nSeccomp:\t2" in Path("/proc/self/status").read_text("utf-8")
