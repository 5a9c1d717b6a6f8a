"""Which process a sandbox belongs to, and whether that still lives.

A process id alone says nothing: another process may have it by now, it may be of the time before
the machine was restarted, of another machine, or of a container with ids of its own. So an owner is
`<pid>@<boot id>/<start time>/<place>`; only a process of our own place can be judged.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from policyc.runtime.sandbox.failures import SandboxError

_FORM: Final = re.compile(r"(\d+)@([0-9a-f-]+)/(\d+)(?:/([0-9a-f]+))?")
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. `started` is in ticks since the machine was started; `place` tells apart machines,
    and containers with process ids of their own."""

    pid: int
    boot: str
    started: int
    place: str

    @classmethod
    def current(cls) -> Self:
        """This process.

        Raises:
            SandboxError: this machine does not tell.
        """
        pid = os.getpid()
        started = _started(pid)
        if started is None:
            raise SandboxError("sandboxes need `/proc`, by which the owner of one is told apart")
        return cls(pid, _boot(), started, _place())

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The owner that a label names; None where it names none. One without a place is taken for
        one of this place."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        return cls(int(found[1]), found[2], int(found[3]), found[4] or _place())

    def __str__(self) -> str:
        return f"{self.pid}@{self.boot}/{self.started}/{self.place}"

    @property
    def is_dead(self) -> bool:
        """Whether it is certain that the process is no more. Of another machine it never is."""
        if self.place != _place():
            return False
        return self.boot != _boot() or _started(self.pid) != self.started


def is_dead(text: str) -> bool:
    """Whether a sandbox with this label is certainly nobody's."""
    owner = Owner.parse(text)
    return owner is not None and owner.is_dead


def _boot() -> str:
    return _read(_PROC / "sys/kernel/random/boot_id")


def _started(pid: int) -> int | None:
    """When a process was started; None where there is none, or only what its parent has not
    collected yet."""
    try:
        # The name is in brackets and may contain anything, also brackets.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _place() -> str:
    machine = _read(Path("/etc/machine-id")) or platform.node()
    try:
        processes = os.readlink(_PROC / "self/ns/pid")
    except OSError:
        processes = ""
    return hashlib.sha256(f"{machine}\n{processes}".encode()).hexdigest()[:12]


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
