"""`powershell` for policies."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from policyc.runtime.detectors.powershell.reader import PowershellReader
from policyc.runtime.detectors.shell.detector import read_all

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.records import ShellCode


def powershell(data: Any, *, place: Any = None) -> ShellCode:
    """What the PowerShell commands in a value would do; see `shell.detector.shell`."""
    return read_all(data, place, read_powershell)


@lru_cache(maxsize=128)
def read_powershell(text: str) -> ShellCode:
    """What PowerShell code would do. Ends with a result for every text."""
    return PowershellReader(text).read()
