"""What the kernel counts for a container, where this process may see it: on a Linux host whose
control groups are at their usual place. It saves asking the engine, and tells what that does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TOP: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Counters:
    """The control group of processes of a container, and what it counted when this was made."""

    folder: Path
    pid: int
    refused: int | None

    @classmethod
    def of(cls, container: str, pid: int) -> Counters | None:
        """Those of a container whose first process has that number; None: they cannot be seen."""
        folder = _folder(container, pid)
        return None if folder is None else cls(folder, pid, _refused(folder))

    def forks_refused(self) -> bool:
        """Whether a new process was refused since then."""
        now = _refused(self.folder)
        return now is not None and self.refused is not None and now > self.refused

    def commands(self) -> list[int] | None:
        """The processes that are not the keeper's, without those that have ended; None: they cannot
        be seen."""
        keeper = _user(self.pid)
        try:
            told = (self.folder / "cgroup.procs").read_text("ascii").split()
        except OSError:
            return None
        if keeper is None:
            return None
        found = [(int(one), _user(int(one))) for one in told]
        return [pid for pid, user in found if user is not None and user != keeper]


def _folder(container: str, pid: int) -> Path | None:
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        # The number may be that of another process, where the engine counts its own.
        if container in path and ("pids" in controllers.split(",") or not controllers):
            folder = _TOP / controllers / path.lstrip("/")
            if (folder / "pids.events").is_file():
                return folder
    return None


def _refused(folder: Path) -> int | None:
    try:
        told = dict(line.split() for line in (folder / "pids.events").read_text().splitlines())
        return int(told["max"])
    except (OSError, ValueError, KeyError):
        return None


def _user(pid: int) -> int | None:
    """The user of a process; None: it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    if told.get("State", "").split()[:1] in (["Z"], ["X"]):
        return None
    return int(told["Uid"].split()[1])
