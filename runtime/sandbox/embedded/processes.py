"""Processes of the host, known by their start, since numbers are used again."""

from __future__ import annotations

import os
from pathlib import Path


def start_time(process: int) -> str:
    """When a process began, in ticks; empty where it is not there or only waits to be taken note
    of."""
    try:
        text = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def boot() -> str:
    """The id of this start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def numbering() -> str:
    """Where process ids are counted as they are here: a container has ids of its own."""
    return os.readlink("/proc/self/ns/pid")
