"""Verdicts on disk, so that a mutant is not tried again on a case that it was tried on before.

What a verdict depends on is in its name: the policy with the version of policyc and of Python (see
`runtime/cache.py`), the mutant, and the digest of the case. So nothing has to be invalidated. A
file holds the verdicts of one policy; it begins with a digest of its content, and one that does not
fit counts as empty. Writing is guarded by a lock, adds to what others have written, and ends in a
rename.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from typing import TYPE_CHECKING

from policyc.runtime.cache import digest_of, private_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from policyc.grammar.source import Source

log = logging.getLogger("policyc.cache")

MOST_FILES = 128
"""Files that are kept; the oldest are removed."""

Verdicts = dict[str, dict[str, bool]]
"""By the digest of a case, then by the id of a mutant: whether the case passes."""


def kept_verdicts(
    sources: Sequence[Source], functions: Mapping[str, Any] | None = None
) -> KeptVerdicts | None:
    """The verdicts on a policy that are kept; None where nothing is kept: the cache is turned off
    or cannot be used, or the policy depends on more than its text."""
    if functions or any("policyc.detectors" in x.text for x in sources):
        return None
    home = private_folder()
    if home is None:
        return None
    return KeptVerdicts(home / "mutation" / f"{digest_of(sources)}.json")


class KeptVerdicts:
    """The verdicts in one file. It need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = _read(path)
        self.added: Verdicts = {}

    def get(self, mutant: str, case: str) -> bool | None:
        """Whether a case passes on a mutant, if it was tried."""
        return self.known.get(case, {}).get(mutant)

    def add(self, mutant: str, case: str, *, passes: bool) -> None:
        for verdicts in (self.known, self.added):
            verdicts.setdefault(case, {})[mutant] = passes

    def save(self) -> None:
        """Write what was added; a folder that cannot be used only means that nothing is kept."""
        if not self.added:
            return
        from filelock import FileLock, Timeout  # noqa: PLC0415  # only where something is written

        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.path.parent / "lock", timeout=10):
                together = _read(self.path)
                for case, verdicts in self.added.items():
                    together.setdefault(case, {}).update(verdicts)
                _write(self.path, together)
        except (OSError, Timeout) as error:
            log.debug("no verdicts are kept in %s: %s", self.path, error)
        self.added = {}


def _read(path: Path) -> Verdicts:
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return {}
    if hashlib.sha256(content).hexdigest().encode() != digest:
        log.debug("%s is damaged and counts as empty", path)
        return {}
    verdicts: Verdicts = json.loads(content)
    return verdicts


def _write(path: Path, verdicts: Verdicts) -> None:
    content = json.dumps(verdicts, separators=(",", ":")).encode()
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    fresh.replace(path)
    files = sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for old in files[:-MOST_FILES]:
        old.unlink(missing_ok=True)
