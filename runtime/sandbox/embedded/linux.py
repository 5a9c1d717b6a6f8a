"""The system calls that Python has no function for.

This module and all others that run in a sandbox's own processes use the standard library only.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
CLONE_NEWTIME: Final = 0x00000080

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2

# What mount_setattr calls them.
READ_ONLY: Final = 0x1
NO_SETUID: Final = 0x2
NO_DEVICES: Final = 0x4
NO_PROGRAMS: Final = 0x8
_AT_RECURSIVE: Final = 0x8000

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

CAP_KILL: Final = 5
CAP_SETGID: Final = 6
CAP_SETUID: Final = 7
CAP_SYS_ADMIN: Final = 21

# Calls that got the same number on all architectures, and those that did not.
_MOUNT_SETATTR: Final = 442
_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_CAPSET: Final = {"x86_64": 126, "aarch64": 91}
_SECCOMP_SET_MODE_FILTER: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def architecture() -> str:
    """The name of this machine's architecture.

    Raises:
        OSError: it is none that sandboxes are known to work on.
    """
    name = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    if name not in _PIVOT_ROOT:
        raise OSError(f"an embedded sandbox needs x86_64 or aarch64; this machine is {name}")
    return name


def _answer(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(what: str, number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char]) -> int:
    """Make a system call; `what` names it in errors.

    Raises:
        OSError: it was refused.
    """
    values = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return _answer(_libc.syscall(ctypes.c_long(number), *values), what)


def unshare(flags: int) -> None:
    _answer(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _answer(result, f"mount of {kind or source} at {target}")


def restrict_mount(target: str, flags: int, *, recursive: bool = True) -> None:
    """Add `READ_ONLY` and the like to a mount, and to all below it."""
    attributes = struct.pack("=QQQQ", flags, 0, 0, 0)
    syscall(
        f"mount_setattr of {target}",
        _MOUNT_SETATTR,
        -100,
        os.fsencode(target),
        _AT_RECURSIVE if recursive else 0,
        attributes,
        len(attributes),
    )


def become_root_folder(new_root: str) -> None:
    """Make a mounted folder the root of this mount namespace and let go of the old one."""
    os.chdir(new_root)
    syscall("pivot_root", _PIVOT_ROOT[architecture()], b".", b".")
    _answer(_libc.umount2(b".", ctypes.c_int(MNT_DETACH)), "umount of the old root")
    os.chdir("/")


def prctl(option: int, value: int, what: str) -> None:
    zero = ctypes.c_ulong(0)
    _answer(_libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero), what)


def install_filter(program: bytes) -> None:
    """Have the kernel judge each further system call of this process and its children."""
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    syscall("seccomp", _SECCOMP[architecture()], _SECCOMP_SET_MODE_FILTER, 0, header)


def drop_bounding_set() -> None:
    """No program that is executed can have a capability, whoever runs it."""
    prctl(PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, "clearing of ambient capabilities")
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for one in range(last + 1):
        prctl(PR_CAPBSET_DROP, one, f"dropping of capability {one}")


def keep_capabilities(*kept: int) -> None:
    """Give up all capabilities but these."""
    bits = sum(1 << one for one in set(kept))
    low, high = bits & 0xFFFFFFFF, bits >> 32
    header = struct.pack("Ii", 0x20080522, 0)
    data = struct.pack("6I", low, low, 0, high, high, 0)
    syscall("capset", _CAPSET[architecture()], header, data)


def effective_capabilities() -> int:
    """As bits, of this process."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0


def bring_up_loopback() -> None:
    """Give this network namespace its 127.0.0.1 and ::1."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        answer = fcntl.ioctl(own, get_flags, struct.pack("16sH14x", b"lo", 0))
        (flags,) = struct.unpack_from("H", answer, 16)
        fcntl.ioctl(own, set_flags, struct.pack("16sH14x", b"lo", flags | up))
