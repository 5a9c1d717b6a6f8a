"""Control groups: limits for a sandbox as a whole. Only root can make them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

    from policyc.runtime.sandbox.spec import Resources

_PARENT: Final = "policyc"
_PERIOD: Final = 100_000
_CONTROLLERS: Final = {"memory": "memory", "pids": "processes", "cpu": "cpus"}
"""Each controller, and the limit of `Resources` that it holds."""


def _mounts() -> dict[str, Path]:
    """The folder of each controller that is to be had. All the same one in version 2."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        before, _dash, after = line.partition(" - ")
        kind, _source, options = after.split(" ", 2)
        place = Path(before.split()[4])
        if kind == "cgroup":
            found |= {one: place for one in options.split(",") if one in _CONTROLLERS}
        elif kind == "cgroup2":
            try:
                known = (place / "cgroup.controllers").read_text("ascii").split()
            except OSError:
                continue
            for one in known:
                if one in _CONTROLLERS:
                    found.setdefault(one, place)
    return found


def make(
    name: str, resources: Resources, without: Collection[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Make the groups of a sandbox with their limits; `cgroups` in `without`: none, for tests.

    Returns:
        Their folders, and for each limit of `Resources` that does not hold the reason.
    """
    folders: list[str] = []
    refused = {limit: f"no `{one}` control group here" for one, limit in _CONTROLLERS.items()}
    mounts = {} if "cgroups" in without else _mounts()
    for controller, place in mounts.items():
        limit = _CONTROLLERS[controller]
        folder = place / _PARENT / name
        try:
            _prepare(controller, place)
            folder.mkdir(exist_ok=True)
            _set_limit(controller, folder, resources)
        except OSError as error:
            refused[limit] = f"the `{controller}` control group cannot be used: {error.strerror}"
            continue
        finally:
            if folder.is_dir() and str(folder) not in folders:
                folders.append(str(folder))
        del refused[limit]
    return folders, refused


def _prepare(controller: str, place: Path) -> None:
    (place / _PARENT).mkdir(exist_ok=True)
    if _is_version_2(place):
        for folder in (place, place / _PARENT):
            enabled = folder / "cgroup.subtree_control"
            if controller not in enabled.read_text("ascii").split():
                enabled.write_text(f"+{controller}", "ascii")


def _is_version_2(folder: Path) -> bool:
    return (folder / "cgroup.controllers").exists()


def _set_limit(controller: str, folder: Path, resources: Resources) -> None:
    quota = max(1000, int(resources.cpus * _PERIOD))
    memory = str(resources.memory)
    processes = str(resources.processes + 1)  # and the keeper
    if _is_version_2(folder):
        values = {
            "memory": {"memory.max": memory, "memory.swap.max": "0"},
            "pids": {"pids.max": processes},
            "cpu": {"cpu.max": f"{quota} {_PERIOD}"},
        }
    else:
        values = {
            "memory": {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory},
            "pids": {"pids.max": processes},
            "cpu": {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(quota)},
        }
    for name, value in values[controller].items():
        if "sw" in name and not (folder / name).exists():
            continue  # a kernel that does not account for swapped memory
        (folder / name).write_text(value, "ascii")


class Reached(NamedTuple):
    """How often limits were reached: processes killed for memory, processes not made."""

    memory: int
    processes: int

    def limit_since(self, before: Reached) -> Literal["", "memory", "processes"]:
        """The limit that was reached since then."""
        if self.memory > before.memory:
            return "memory"
        return "processes" if self.processes > before.processes else ""


def reached(folders: list[str]) -> Reached:
    """What these groups know; nothing where there are none."""
    return Reached(
        _count(folders, ("memory.events", "memory.oom_control"), "oom_kill"),
        _count(folders, ("pids.events",), "max"),
    )


def _count(folders: list[str], names: tuple[str, ...], key: str) -> int:
    for folder in folders:
        for name in names:
            try:
                lines = Path(folder, name).read_text("ascii").splitlines()
            except OSError:
                continue
            for line in lines:
                if line.split()[0] == key:
                    return int(line.split()[1])
    return 0


def remove(folders: list[str]) -> None:
    """Delete groups; what was in them must have ended, or end now."""
    end = time.monotonic() + 5
    for folder in folders:
        while os.path.isdir(folder):
            try:
                os.rmdir(folder)
            except OSError:
                if time.monotonic() > end:
                    return
                time.sleep(0.005)
