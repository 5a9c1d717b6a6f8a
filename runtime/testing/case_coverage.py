"""The coverage of a run of case files.

`observe` is the observer of the run (`session.Settings.observer`): it counts what each case sees,
in the process that runs it. `coverage_of` adds that up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from policyc.runtime.engine import Engine
from policyc.runtime.loading import loader
from policyc.runtime.testing.coverage.counts import Seen
from policyc.runtime.testing.coverage.coverage import Coverage
from policyc.runtime.testing.coverage.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.runtime.testing.case_reading import Loaded
    from policyc.runtime.testing.cases import Case
    from policyc.runtime.testing.session import Report

_RECORDERS: WeakKeyDictionary[Engine, Recorder] = WeakKeyDictionary()


def observe(engine: Engine, case: Case) -> Seen:
    """What a case sees of its policies."""
    recorder = _RECORDERS.get(engine)
    if recorder is None:
        recorder = _RECORDERS[engine] = Recorder(engine)
    past = None if case.past is None else len(case.past)
    return recorder.run(case.trace, case.parameters, past=past, stream=case.is_stream)


def coverage_of(loaded: Sequence[Loaded], report: Report) -> Coverage:
    """The coverage of all policies by the cases that were run."""
    return Coverage.total(
        recorder_of(one).coverage(_total(one, report)) for one in loaded if one.program is not None
    )


def recorder_of(loaded: Loaded) -> Recorder:
    """What knows the points of a case file's policies."""
    assert loaded.program is not None  # noqa: S101  # the caller asks only for those that have one
    return Recorder(Engine(loaded.program, loader(None)))


def _total(loaded: Loaded, report: Report) -> Seen:
    total = Seen()
    for file in report.files:
        if file.path == loaded.path:
            for result in file.results:
                if result.observed is not None:
                    total += result.observed
    return total
