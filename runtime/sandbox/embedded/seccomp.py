"""The filter of system calls: what a sandbox may not ask the kernel for, as a BPF program.

Most of it needs privileges that a sandbox does not have anyway; the filter keeps a fault in the
kernel's code for them out of reach. The rest (`ptrace`, `userfaultfd`, `io_uring`, new user
namespaces ...) anybody may call, and is what exploits of the kernel are made of.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from policyc.runtime.sandbox.embedded import linux

if TYPE_CHECKING:
    from collections.abc import Mapping


class Numbers(NamedTuple):
    """The numbers of a system call; None where an architecture never had it."""

    x86_64: int | None
    aarch64: int | None


REFUSED: Final[Mapping[str, Numbers]] = {
    # Other processes' memory and state.
    "ptrace": Numbers(101, 117),
    "process_vm_readv": Numbers(310, 270),
    "process_vm_writev": Numbers(311, 271),
    "kcmp": Numbers(312, 272),
    "pidfd_getfd": Numbers(438, 438),
    "process_madvise": Numbers(440, 440),
    "move_pages": Numbers(279, 239),
    "migrate_pages": Numbers(256, 238),
    # Mounts and namespaces.
    "mount": Numbers(165, 40),
    "umount2": Numbers(166, 39),
    "pivot_root": Numbers(155, 41),
    "chroot": Numbers(161, 51),
    "setns": Numbers(308, 268),
    "open_tree": Numbers(428, 428),
    "move_mount": Numbers(429, 429),
    "fsopen": Numbers(430, 430),
    "fsconfig": Numbers(431, 431),
    "fsmount": Numbers(432, 432),
    "fspick": Numbers(433, 433),
    "mount_setattr": Numbers(442, 442),
    "open_tree_attr": Numbers(467, 467),
    "name_to_handle_at": Numbers(303, 264),
    "open_by_handle_at": Numbers(304, 265),
    # Parts of the kernel with a history of ways out.
    "bpf": Numbers(321, 280),
    "perf_event_open": Numbers(298, 241),
    "userfaultfd": Numbers(323, 282),
    "io_uring_setup": Numbers(425, 425),
    "io_uring_enter": Numbers(426, 426),
    "io_uring_register": Numbers(427, 427),
    "add_key": Numbers(248, 217),
    "request_key": Numbers(249, 218),
    "keyctl": Numbers(250, 219),
    "fanotify_init": Numbers(300, 262),
    "lookup_dcookie": Numbers(212, 18),
    "modify_ldt": Numbers(154, None),
    "vmsplice": Numbers(278, 75),
    "personality": Numbers(135, 92),
    # The machine.
    "init_module": Numbers(175, 105),
    "finit_module": Numbers(313, 273),
    "delete_module": Numbers(176, 106),
    "create_module": Numbers(174, None),
    "query_module": Numbers(178, None),
    "get_kernel_syms": Numbers(177, None),
    "kexec_load": Numbers(246, 104),
    "kexec_file_load": Numbers(320, 294),
    "reboot": Numbers(169, 142),
    "swapon": Numbers(167, 224),
    "swapoff": Numbers(168, 225),
    "acct": Numbers(163, 89),
    "quotactl": Numbers(179, 60),
    "quotactl_fd": Numbers(443, 443),
    "syslog": Numbers(103, 116),
    "sethostname": Numbers(170, 161),
    "setdomainname": Numbers(171, 162),
    "vhangup": Numbers(153, 58),
    "nfsservctl": Numbers(180, 42),
    "uselib": Numbers(134, None),
    "ustat": Numbers(136, None),
    "sysfs": Numbers(139, None),
    "_sysctl": Numbers(156, None),
    "iopl": Numbers(172, None),
    "ioperm": Numbers(173, None),
    # The clock.
    "settimeofday": Numbers(164, 170),
    "clock_settime": Numbers(227, 112),
    "clock_adjtime": Numbers(305, 266),
    "adjtimex": Numbers(159, 171),
}
"""Calls that fail with EPERM."""

UNKNOWN: Final[Mapping[str, Numbers]] = {"clone3": Numbers(435, 435)}
"""Calls that fail with ENOSYS: a filter cannot see their flags, and the C library then uses the
older `clone`, whose flags it can see."""

FAMILIES: Final = (1, 2, 10, 16)
"""Kinds of sockets that can be made: UNIX, INET, INET6, NETLINK. Others are rarely used parts of
the kernel, and AF_VSOCK would reach a hypervisor, whatever the network namespace."""

_TYPING: Final = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: both put input into a terminal."""
_NAMESPACES: Final = (
    linux.CLONE_NEWNS
    | linux.CLONE_NEWCGROUP
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUSER
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
)
_AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32: Final = 0x40000000

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERROR: Final = 0x00050000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24
"""Offsets in what the kernel shows of a call; of arguments the lower half, which is all that the
kernel itself looks at for these calls."""


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _refuse_bits(bits: int) -> list[bytes]:
    return [_step(_ANY_BIT, bits, 0, 1), _step(_RETURN, _ERROR | errno.EPERM)]


def _refuse_values(*values: int) -> list[bytes]:
    tests = [_step(_EQUAL, one, len(values) - i, 0) for i, one in enumerate(values, 1)]
    tests[-1] = _step(_EQUAL, values[-1], 0, 1)
    return [*tests, _step(_RETURN, _ERROR | errno.EPERM)]


def _refuse_others(failure: int, *values: int) -> list[bytes]:
    tests = [_step(_EQUAL, one, len(values) - i, 0) for i, one in enumerate(values)]
    return [*tests, _step(_RETURN, _ERROR | failure)]


_CONDITIONAL: Final[Mapping[str, tuple[Numbers, int, list[bytes]]]] = {
    "clone": (Numbers(56, 220), _ARGUMENT_0, _refuse_bits(_NAMESPACES)),
    "unshare": (Numbers(272, 97), _ARGUMENT_0, _refuse_bits(_NAMESPACES | linux.CLONE_NEWTIME)),
    "socket": (Numbers(41, 198), _ARGUMENT_0, _refuse_others(errno.EAFNOSUPPORT, *FAMILIES)),
    "socketpair": (Numbers(53, 199), _ARGUMENT_0, _refuse_others(errno.EAFNOSUPPORT, *FAMILIES)),
    # Of other processes: the keeper may be the same user.
    "prlimit64": (Numbers(302, 261), _ARGUMENT_0, _refuse_others(errno.EPERM, 0)),
    "ioctl": (Numbers(16, 29), _ARGUMENT_1, _refuse_values(*_TYPING)),
}
"""Calls that depend on an argument, and the steps that look at it."""


def filter_program(architecture: str, without: frozenset[str] = frozenset()) -> bytes:
    """The filter, for `linux.install_filter`.

    Args:
        architecture: `x86_64` or `aarch64`. A call of another one ends the process.
        without: names of calls that are let through, for tests that show what the filter is for.
    """

    def number(one: Numbers) -> int | None:
        return one.x86_64 if architecture == "x86_64" else one.aarch64

    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, _AUDIT[architecture], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if architecture == "x86_64":
        program += [_step(_AT_LEAST, _X32, 0, 1), _step(_RETURN, _KILL)]
    for calls, failure in ((REFUSED, errno.EPERM), (UNKNOWN, errno.ENOSYS)):
        for name, numbers in calls.items():
            value = number(numbers)
            if value is not None and name not in without:
                program += [_step(_EQUAL, value, 0, 1), _step(_RETURN, _ERROR | failure)]
    for name, (numbers, argument, checks) in _CONDITIONAL.items():
        value = number(numbers)
        if value is not None and name not in without:
            body = [_step(_LOAD, argument), *checks, _step(_RETURN, _ALLOW)]
            program += [_step(_EQUAL, value, 0, len(body)), *body]
    program.append(_step(_RETURN, _ALLOW))
    return b"".join(program)
