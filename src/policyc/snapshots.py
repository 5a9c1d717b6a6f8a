"""Snapshots of verdicts: what a policy says about traces, as files to review.

`record` and `compare` are for a corpus of traces, as `policyc test --snapshot` is;
`VerdictSnapshotExtension` is what the fixture `verdict_snapshot` of the pytest plugin uses, with
syrupy, for a single result.
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
    from policyc.runtime.testing.syrupy_extension import VerdictSnapshotExtension

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
