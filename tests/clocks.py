"""A clock of the wall that a test turns while programs run: libfaketime, preloaded."""

from __future__ import annotations

from pathlib import Path

import pytest

DAY = 24 * 60 * 60
YEAR = 365 * DAY

_PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1")


class WallClock:
    """`environment`: what a program needs to see this clock. Its monotonic clock stays right."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.turn(0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def turn(self, seconds: int) -> None:
        """Show a time so many seconds from now."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self._file)


@pytest.fixture
def wall_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """The clock of all programs that the test starts."""
    found = [path for place in _PLACES for path in Path("/").glob(place[1:])]
    if not found:
        pytest.skip("libfaketime is not installed (Debian: apt install faketime)")
    clock = WallClock(found[0], tmp_path / "clock")
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    return clock
