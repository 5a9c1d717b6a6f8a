"""Which cases failed when they were last run in a folder, for `policyc test --last-failed`.

Kept in the user's cache, by the folder that the tests are run in, so that repositories stay as they
are. Where there is no cache nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from policyc.runtime.cache import private_folder
from policyc.runtime.testing.outcomes import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from policyc.runtime.testing.session import Identity, Report


def read_failed() -> frozenset[Identity] | None:
    """The cases that failed when they were last run; None if nothing is known."""
    file = _file()
    try:
        entries = json.loads("" if file is None else file.read_text("utf-8"))
        return frozenset((os.path.relpath(path), name) for path, name in entries)
    except (OSError, ValueError, TypeError):
        return None


def remember_failed(report: Report) -> None:
    """Note what failed in a run; of cases that were not run stays what was known."""
    file = _file()
    if file is None:
        return
    failed = set(read_failed() or ())
    for one in report.files:
        for result in one.results:
            identity = (one.path, result.case.name)
            failed.discard(identity)
            if result.outcome in (Outcome.FAILED, Outcome.BROKEN):
                failed.add(identity)
    entries = sorted((os.path.abspath(path), name) for path, name in failed)
    fresh = file.with_suffix(f".{os.getpid()}.new")
    try:
        fresh.write_text(json.dumps(entries), "utf-8")
        fresh.replace(file)
    except OSError:
        return


def _file() -> Path | None:
    home = private_folder()
    if home is None:
        return None
    place = hashlib.sha256(os.fsencode(os.getcwd())).hexdigest()[:32]
    return home / f"failed-{place}.json"
