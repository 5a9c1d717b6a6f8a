"""The folder of a sandbox on the host: its record, the socket of its keeper, and the place where
its tree is mounted, which is empty for everybody else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

RECORD: Final = "record.json"
SOCKET: Final = "control.sock"
ROOT: Final = "root"
_DRAFT: Final = "record.new"


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """From now on the sandbox is there."""
    draft = folder / _DRAFT
    draft.write_text(json.dumps(record), "utf-8")
    draft.rename(folder / RECORD)


def read_record(folder: Path) -> dict[str, Any] | None:
    """What is written down of a sandbox; None where there is none."""
    try:
        found: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found


def delete(folder: Path) -> None:
    """Delete the folder, and nothing that is not known to belong there: should something of the
    host be mounted in it, against all care, it stays."""
    with suppress(OSError):
        for name in (RECORD, _DRAFT, SOCKET):
            (folder / name).unlink(missing_ok=True)
        for place in (folder / ROOT, folder):
            if place.exists():
                place.rmdir()
