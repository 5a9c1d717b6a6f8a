"""The disk of the cache is full: a small one of the test's own, filled to the last byte."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 256 * 1024
RULE = 'raise "an apple" if:\n    (m: Message)\n    "apple" in m.content\n'
RULES = RULE + "".join(RULE.replace("apple", f"word {number}") for number in range(20))
"""So many that what is kept of them is larger than a block of the disk."""


class Disk:
    """A disk of `SIZE` bytes in a folder. `cache`: the folder of the cache in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "policyc"
        self._filling = folder / "filling"

    def fill(self, *, but: int = 0) -> None:
        """Leave so many bytes."""
        with self._filling.open("wb", buffering=0) as file:
            file.write(bytes(max(0, self.free - but)))
        assert self.free == but

    def empty(self) -> None:
        self._filling.unlink()

    @property
    def free(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def names(self) -> list[str]:
        return sorted(one.name for one in self.cache.iterdir()) if self.cache.exists() else []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "p.inv"
    path.write_text(RULES)
    (tmp_path / "bad.json").write_text('[{"role": "user", "content": "an apple"}]')
    (tmp_path / "good.json").write_text('[{"role": "user", "content": "a pear"}]')
    return path


def check(policy: Path, disk: Disk) -> None:
    """Verdicts are right, and nothing is said of the cache."""
    for trace, code in (("bad.json", 1), ("good.json", 0)):
        done = subprocess.run(
            [sys.executable, "-m", "policyc", "eval", policy, policy.with_name(trace)],
            env={**os.environ, "POLICYC_CACHE_DIR": str(disk.cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, "")
        assert ("an apple" in done.stdout) == bool(code)


@pytest.mark.parametrize("but", [0, 4096], ids=["nothing", "less-than-an-entry"])
@pytest.mark.parametrize("has_folder", [True, False], ids=["a-folder", "no-folder"])
def test_a_full_disk_costs_no_verdict_and_is_used_again_once_it_is_not(
    disk: Disk, policy: Path, *, has_folder: bool, but: int
) -> None:
    if has_folder:
        disk.cache.mkdir(mode=0o700)
    disk.fill(but=but)
    check(policy, disk)
    assert [name for name in disk.names() if name != "lock"] == []
    disk.empty()
    check(policy, disk)
    (entry,) = (name for name in disk.names() if name != "lock")
    assert entry.endswith(".bin")


def test_what_was_kept_before_is_used_on_a_full_disk(disk: Disk, policy: Path) -> None:
    check(policy, disk)
    before = disk.names()
    disk.fill()
    check(policy, disk)
    assert disk.names() == before
