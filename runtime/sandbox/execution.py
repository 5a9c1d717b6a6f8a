"""Running one command to its end: its output within bounds, its deadline, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class End(StrEnum):
    """How a command ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMEOUT = "timeout"
    MEMORY = "limit:memory"
    PROCESSES = "limit:processes"
    DISK = "limit:disk"
    OUTPUT = "limit:output"
    LOST_SANDBOX = "lost:sandbox"
    LOST_PROVIDER = "lost:provider"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Execution:
    """What a command did.

    `exit_code` is None unless it exited; `signal` is the number of the signal that ended it.
    `truncated`: it wrote more than it may, so it was killed and the middle of its output dropped.
    """

    stdout: bytes
    stderr: bytes
    end: End
    exit_code: int | None = None
    signal: int | None = None
    truncated: bool = False
    seconds: float = 0.0
