"""Checks of this installation: its optional parts, and its cache."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement

from policyc.runtime import cache
from policyc.runtime.doctor.examination import FaultFound, NotChecked

if TYPE_CHECKING:
    from policyc.runtime.doctor.examination import Subject

EXTRAS: Final = {
    "server": "`policyc serve` and the image of the container",
    "powershell": "rules about PowerShell",
    "injection": "models that find prompt injection",
    "moderation": "models that moderate",
    "ocr": "texts in images",
    "embeddings": "texts compared by their meanings",
    "pii-ner": "names of persons and places",
    "semgrep": "code judged by semgrep",
    "openhands": "agents of the OpenHands SDK (Python 3.12 or newer)",
    "mcp": "sandboxes for coding agents, over MCP",
    "remote": "sandboxes on another machine",
    "kubernetes": "sandboxes as pods of a cluster",
    "syrupy": "snapshots in tests",
    "zstd": "traces compressed with Zstandard",
}
"""The optional parts, and what they are for."""


def check_extras(_subject: Subject) -> str:
    absent = [
        f"`{extra}` ({what}{found})"
        for extra, what in EXTRAS.items()
        if (found := _unusable(_needed_by(extra))) is not None
    ]
    if absent:
        raise FaultFound("extra-absent", f"not installed: {', '.join(absent)}")
    return f"{', '.join(EXTRAS)} are installed"


def _needed_by(extra: str) -> list[Requirement]:
    needed = map(Requirement, distribution("policyc").requires or ())
    return [
        one
        for one in needed
        if one.marker
        and one.marker.evaluate({"extra": extra})
        and not one.marker.evaluate({"extra": ""})
    ]


def _unusable(needed: list[Requirement]) -> str | None:
    """What is there of something that cannot be used; None: it can."""
    for one in needed:
        try:
            found = distribution(one.name).version
        except PackageNotFoundError:
            return ""
        if not one.specifier.contains(found, prereleases=True):
            return f"; there is {one.name} {found}, it needs {one.specifier}"
    return None


def check_cache(_subject: Subject) -> str:
    home = cache.folder()
    if home is None:
        raise NotChecked("the cache is turned off, or this user has no home")
    if cache.private_folder() is None:
        raise FaultFound(
            "cache-unusable", f"`{home}` cannot be made, or belongs to or is open to others"
        )
    try:
        number, path = tempfile.mkstemp(dir=home, prefix="doctor-")
    except OSError as error:
        raise FaultFound("cache-unusable", f"`{home}`: {error.strerror}") from None
    os.close(number)
    os.unlink(path)
    return str(home)
