"""Processes of the host, known by their start, since numbers are used again."""

from __future__ import annotations

from pathlib import Path


def start_time(process: int) -> str:
    """When a process began, with the boot that it belongs to; empty where it is not there or only
    waits to be taken note of."""
    try:
        text = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{boot()}/{fields[19]}"


def boot() -> str:
    """The id of this start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
