"""The files that a sandbox sees: the programs of the host, read-only, and room of its own."""

from __future__ import annotations

import glob
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.embedded import folders, linux

if TYPE_CHECKING:
    from policyc.runtime.sandbox.embedded.plan import Bind, Plan

SYSTEM: Final = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store", "gnu/store")
"""Folders of the host with programs and libraries."""
SETTINGS: Final = (
    "alternatives",
    "ca-certificates/extracted",
    "crypto-policies",
    "fonts",
    "java-*",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "os-release",
    "perl",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "protocols",
    "python3*",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
"""What programs need of the host's /etc; nothing of it is secret."""
DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")

_HIDDEN: Final = ("acpi", "asound", "kcore", "keys", "kmsg", "kpagecount", "kpageflags", "kallsyms")
_HIDDEN_TOO: Final = (
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
    "modules",
)
_FROZEN: Final = (
    "bus",
    "fs",
    "irq",
    "sys",
    "sysrq-trigger",
    "driver",
    "tty",
    "mtrr",
    "dynamic_debug",
)
_OWN: Final = linux.NO_SETUID | linux.NO_DEVICES
_SHARED_MEMORY: Final = 16 * 1024 * 1024
_MIB: Final = 1024 * 1024


def build(plan: Plan) -> None:
    """Make the tree and have it as the root folder of this process, which must be the first one of
    a process namespace and alone in its mount namespace.

    Raises:
        OSError: a step was refused; the message names it.
    """
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    root = str(Path(plan.folder, folders.ROOT))
    _tmpfs(root, 4 * _MIB, "mode=0755")
    for name in SYSTEM:
        _show(f"/{name}", f"{root}/{name}")
    _settings(root, plan)
    _devices(root)
    _room(root, plan)
    for bind in sorted(plan.binds, key=lambda one: one.target.count("/")):
        _show_bind(root, bind, plan)
    if plan.egress:
        _bind(plan.egress, f"{root}{plan.egress_folder}", linux.READ_ONLY | _OWN)
    _processes(root, plan)
    os.makedirs(f"{root}/sys", exist_ok=True)
    linux.become_root_folder(root)
    if "read-only-root" not in plan.without:
        linux.restrict_mount("/", linux.READ_ONLY | _OWN, recursive=False)
        linux.restrict_mount("/dev", linux.READ_ONLY | linux.NO_PROGRAMS, recursive=False)


def writable_folders(plan: Plan) -> list[str]:
    """What commands may change, as seen in the sandbox."""
    own = [plan.workspace, plan.temporary_folder, plan.secrets, "/dev/shm"]  # noqa: S108
    return own + [one.target for one in plan.binds if one.writable]


def writable_devices() -> list[str]:
    """What commands may write to without changing it."""
    return [*(f"/dev/{name}" for name in DEVICES), "/dev/pts", "/proc"]


def _tmpfs(target: str, size: int, options: str, flags: int = 0) -> None:
    os.makedirs(target, exist_ok=True)
    inodes = max(1024, size // 4096)
    linux.mount(
        "tmpfs",
        target,
        "tmpfs",
        linux.MS_NOSUID | linux.MS_NODEV | flags,
        f"size={size},nr_inodes={inodes},{options}",
    )


def _bind(source: str, target: str, flags: int) -> None:
    """Show a file or folder of the host at a place that is made for it."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    linux.mount(source, target, flags=linux.MS_BIND | linux.MS_REC)
    linux.restrict_mount(target, flags)


def _show(source: str, target: str) -> None:
    """Show something of the host's system read-only, a link as the same link."""
    if os.path.islink(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.readlink(source), target)
    elif os.path.exists(source):
        _bind(source, target, linux.READ_ONLY | _OWN)


def _settings(root: str, plan: Plan) -> None:
    etc = Path(root, "etc")
    etc.mkdir()
    users = {0: "root", plan.keeper: "keeper", 65534: "nobody"} | {plan.user: "agent"}
    homes = {plan.user: plan.workspace}
    texts = {
        "passwd": "".join(
            f"{name}:x:{uid}:{uid}::{homes.get(uid, '/')}:/bin/sh\n" for uid, name in users.items()
        ),
        "group": "".join(f"{name}:x:{uid}:\n" for uid, name in users.items()),
        "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
        "hostname": "sandbox\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "resolv.conf": "",
    }
    if plan.open_network:
        with suppress(OSError):
            texts["resolv.conf"] = Path("/etc/resolv.conf").read_text("utf-8")
    for name, text in texts.items():
        (etc / name).write_text(text, "utf-8")
    for pattern in SETTINGS:
        for path in sorted(glob.glob(f"/etc/{pattern}")):
            _show(path, f"{root}{path}")


def _devices(root: str) -> None:
    device = f"{root}/dev"
    _tmpfs(device, _MIB, "mode=0755")
    for name in DEVICES:
        _bind(f"/dev/{name}", f"{device}/{name}", linux.NO_SETUID | linux.NO_PROGRAMS)
    quiet = linux.MS_NOSUID | linux.MS_NOEXEC
    os.mkdir(f"{device}/pts")
    linux.mount("devpts", f"{device}/pts", "devpts", quiet, "newinstance,ptmxmode=0666,mode=0620")
    _tmpfs(f"{device}/shm", _SHARED_MEMORY, "mode=1777", linux.MS_NOEXEC)
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0"}
    links |= {"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
    for name, target in links.items():
        os.symlink(target, f"{device}/{name}")


def _room(root: str, plan: Plan) -> None:
    owner = plan.outer_user if plan.as_root else plan.user
    own = f"uid={owner},gid={owner},mode=0700"
    _tmpfs(f"{root}{plan.workspace}", plan.disk, own)
    _tmpfs(f"{root}{plan.temporary_folder}", plan.temporary, "mode=1777", linux.MS_NOEXEC)
    _tmpfs(f"{root}{plan.secrets}", _MIB, own, linux.MS_NOEXEC)
    os.makedirs(f"{root}/var")
    os.symlink(plan.temporary_folder, f"{root}/var/tmp")  # noqa: S108  # of the sandbox


def _show_bind(root: str, bind: Bind, plan: Plan) -> None:
    """Show a folder that the specification names.

    The place may be in a folder of the host that was shown before; then it must be there, so that
    nothing is made on the host, and no link may lead elsewhere.
    """
    target = f"{root}{bind.target}"
    parent = os.path.dirname(target)
    if os.path.realpath(parent) != parent or os.path.islink(target):
        raise OSError(f"a link stands in the way of the mount {bind.target}")
    if not os.path.lexists(target):
        shown = [one.target for one in plan.binds if bind.target.startswith(f"{one.target}/")]
        system = [f"/{name}" for name in SYSTEM if bind.target.startswith(f"/{name}/")]
        if shown or system:
            outside = (shown + system)[0]
            raise OSError(
                f"the mount {bind.target} is in {outside}, which does not have that place"
            )
    _bind(bind.source, target, _OWN | (0 if bind.writable else linux.READ_ONLY))


def _processes(root: str, plan: Plan) -> None:
    proc = f"{root}/proc"
    os.makedirs(proc)
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("proc", proc, "proc", flags)
    if "closed-proc" in plan.without:
        return
    for name in _FROZEN:
        if os.path.exists(f"{proc}/{name}"):
            linux.mount(f"{proc}/{name}", f"{proc}/{name}", flags=linux.MS_BIND | linux.MS_REC)
            linux.restrict_mount(f"{proc}/{name}", linux.READ_ONLY)
    for name in (*_HIDDEN, *_HIDDEN_TOO):
        if os.path.isdir(f"{proc}/{name}"):
            linux.mount("tmpfs", f"{proc}/{name}", "tmpfs", flags | linux.MS_RDONLY, "size=4k")
        elif os.path.exists(f"{proc}/{name}"):
            linux.mount("/dev/null", f"{proc}/{name}", flags=linux.MS_BIND)
            linux.restrict_mount(f"{proc}/{name}", linux.READ_ONLY)
