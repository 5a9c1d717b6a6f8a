"""Landlock: a second bound for files, in case the mount namespace has a hole.

It also takes from a sandbox every call that changes mounts, and lets no process look into one that
is not of the same sandbox, whoever it runs as.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import Final

from policyc.runtime.sandbox.embedded import linux

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_BENEATH: Final = 1

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_MAKE_CHAR: Final = 1 << 6
_MAKE_BLOCK: Final = 1 << 11
_TRUNCATE: Final = 1 << 14
_IOCTL_DEVICE: Final = 1 << 15
_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights each version knows; later ones as 5."""
_FOR_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE

NEEDED: Final = 2
"""The first version that lets a file be renamed into another folder."""


def abi() -> int:
    """The version that this kernel has; 0 where it has none, or where it is switched off."""
    try:
        return linux.syscall("landlock_create_ruleset", _CREATE_RULESET, 0, 0, 1)
    except OSError:
        return 0


def restrict(writable: list[str], devices: list[str]) -> None:
    """Let this process and its children read everything below the root of its mount namespace and
    change only what is below `writable`; `devices` can be written to, but not be changed.

    Raises:
        OSError: it is not to be had; see `abi`.
    """
    version = abi()
    if version < NEEDED:
        raise OSError(errno.EOPNOTSUPP, f"Landlock has version {version}; needed is {NEEDED}")
    everything = (1 << _RIGHTS.get(version, 16)) - 1
    attributes = struct.pack("=Q", everything)
    ruleset = linux.syscall(
        "landlock_create_ruleset", _CREATE_RULESET, attributes, len(attributes), 0
    )
    try:
        _allow(ruleset, "/", _EXECUTE | _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(ruleset, path, everything & ~_MAKE_CHAR & ~_MAKE_BLOCK & ~_IOCTL_DEVICE)
        for path in devices:
            _allow(
                ruleset, path, (_READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEVICE) & everything
            )
        linux.syscall("landlock_restrict_self", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            rights &= _FOR_FILES
        rule = struct.pack("=Qi", rights, place)
        linux.syscall(f"landlock_add_rule for {path}", _ADD_RULE, ruleset, _BENEATH, rule, 0)
    finally:
        os.close(place)
