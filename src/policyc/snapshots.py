"""Snapshots of verdicts: what a policy says about traces, as files to review.

`record` and `compare` are for a corpus of traces; `verdict_snapshot` is a pytest fixture for a
single result, with syrupy, and `VerdictSnapshotExtension` what it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policyc.runtime.testing.snapshots import (
        SnapshotFlip,
        SnapshotReport,
        SnapshotResult,
        SnapshotStatus,
        compare,
        record,
    )
    from policyc.runtime.testing.syrupy_extension import VerdictSnapshotExtension, verdict_snapshot

_SNAPSHOTS = "policyc.runtime.testing.snapshots"
_SYRUPY = "policyc.runtime.testing.syrupy_extension"

_HOMES = {
    "SnapshotFlip": _SNAPSHOTS,
    "SnapshotReport": _SNAPSHOTS,
    "SnapshotResult": _SNAPSHOTS,
    "SnapshotStatus": _SNAPSHOTS,
    "VerdictSnapshotExtension": _SYRUPY,
    "compare": _SNAPSHOTS,
    "record": _SNAPSHOTS,
    "verdict_snapshot": _SYRUPY,
}
"""Each name and the module that it is loaded from: syrupy is needed for its part only."""

__all__ = [
    "SnapshotFlip",
    "SnapshotReport",
    "SnapshotResult",
    "SnapshotStatus",
    "VerdictSnapshotExtension",
    "compare",
    "record",
    "verdict_snapshot",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `policyc.snapshots` has no attribute `{name}`")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
