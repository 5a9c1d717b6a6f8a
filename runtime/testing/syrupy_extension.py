"""Results as snapshots of syrupy: a readable file for each, beside the test.

def test_the_attack_is_blocked(verdict_snapshot):
    assert policy.analyze(trace) == verdict_snapshot
"""

from __future__ import annotations

from typing import Any

try:
    from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
except ImportError:
    raise ImportError("snapshots of results need syrupy: `pip install 'policyc[syrupy]'`") from None

from policyc.runtime.results import AnalysisResult
from policyc.runtime.testing.verdicts import to_yaml, verdict_of


class VerdictSnapshotExtension(SingleFileSnapshotExtension):
    """Writes an `AnalysisResult` in the form of `policyc test --snapshot`: `*.verdict.yaml`.

    A pair of the result and the events of the trace shows also what the places hold.
    """

    file_extension = "verdict.yaml"
    _write_mode = WriteMode.TEXT

    def serialize(self, data: Any, **_options: Any) -> str:
        """The text of a result, or of a pair of a result and its events.

        Raises:
            TypeError: it is neither.
        """
        match data:
            case AnalysisResult():
                return to_yaml(verdict_of(data))
            case (AnalysisResult() as result, list() as events):
                return to_yaml(verdict_of(result, events))
            case _:
                raise TypeError(
                    "a verdict snapshot takes the result of an analysis, or (result, events), "
                    f"and no {type(data).__name__}"
                )
