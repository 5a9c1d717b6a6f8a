"""`policyc test --watch`: the cases are run again whenever something that they depend on changes.

The files are known (case files, policies, traces), so their times are looked at; that works on
every file system and needs no library.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from policyc.cli.exits import Refusal, say_error
from policyc.cli.inputs import case_paths
from policyc.cli.terminal import Terminal
from policyc.cli.testing import choice_of, read, run_loaded, show, untested_policies
from policyc.cli.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.cli.testing import Asked, Output
    from policyc.runtime.testing.case_reading import Loaded

_SECONDS: Final = 0.3
"""How often files are looked at."""

Stamps = dict[str, int]
"""When each file that matters was last changed; 0 for one that is not there."""


def run_watching(asked: Asked, output: Output) -> NoReturn:
    """Run all cases, then those that a change touches again and again, until Ctrl-C."""
    loaded = _read_again(asked, {}, set())
    stamps = _stamps(asked, loaded)
    touched = list(loaded.values())
    while True:
        if touched:
            _run(asked, output, touched, loaded)
            terminal = Terminal.of(sys.stderr)
            terminal.write(f"watching {counted(len(stamps), 'file')}; Ctrl-C ends")
        changed = _wait_for_change(asked, loaded, stamps)
        before = loaded
        try:
            loaded = _read_again(asked, before, changed)
        except Refusal as refusal:  # perhaps it is being written just now
            say_error(refusal.message, refusal.hint)
        stamps = _stamps(asked, loaded)
        touched = [one for path, one in loaded.items() if one is not before.get(path)]


def _run(asked: Asked, output: Output, touched: list[Loaded], loaded: Mapping[str, Loaded]) -> None:
    try:
        known = list(loaded.values())
        untested = untested_policies(case_paths(asked.paths), known)
        show(run_loaded(asked, choice_of(asked, known), touched, untested), output)
    except Refusal as refusal:
        say_error(refusal.message, refusal.hint)


def _read_again(asked: Asked, loaded: Mapping[str, Loaded], changed: set[str]) -> dict[str, Loaded]:
    """The case files that there are, those read again that something has changed for."""

    def current(path: str) -> Loaded:
        known = loaded.get(path)
        if known is None or changed & set(known.depends_on):
            return read(path)
        return known

    return {path: current(path) for path in case_paths(asked.paths).case_files}


def _wait_for_change(asked: Asked, loaded: Mapping[str, Loaded], stamps: Stamps) -> set[str]:
    """The files that changed, came or went, once they do so no more."""
    before, now = stamps, stamps
    while now == stamps or now != before:
        time.sleep(_SECONDS)
        before, now = now, _stamps(asked, loaded)
    return {path for path in {*stamps, *now} if stamps.get(path) != now.get(path)}


def _stamps(asked: Asked, loaded: Mapping[str, Loaded]) -> Stamps:
    files = {path for one in loaded.values() for path in one.depends_on}
    with suppress(Refusal):  # a path of the command that is gone may come back
        files.update(case_paths(asked.paths).case_files)
    return {path: _stamp(path) for path in sorted(files)}


def _stamp(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
