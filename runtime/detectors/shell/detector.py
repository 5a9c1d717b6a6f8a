"""`shell` for policies: a text, or the words of one command, as what it would do."""

from __future__ import annotations

from functools import lru_cache

from policyc.runtime.detectors.shell.reader import Reader
from policyc.runtime.detectors.shell.records import ShellCode


@lru_cache(maxsize=256)
def read_shell(text: str) -> ShellCode:
    """What shell code would do."""
    return Reader(text).read()
