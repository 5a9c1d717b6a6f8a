"""Snapshots of verdicts: what a policy says about each trace of a corpus, as files to review.

`record` writes a file for each trace, `compare` says later what is another verdict now. The file of
`attacks/mail.json` is `attacks/mail.json.verdict.yaml`, that of the 17th line of `all.jsonl` is
`all.jsonl/17.verdict.yaml`; `verdicts` has the form.
"""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from policyc.grammar.diagnostics import PolicycError
from policyc.grammar.printable import printable
from policyc.runtime.parallel import in_order
from policyc.runtime.replay.flips import Change, change_of, only_in
from policyc.runtime.testing.verdicts import (
    LISTS,
    Verdict,
    VerdictError,
    entry_text,
    from_yaml,
    to_yaml,
    verdict_of,
)
from policyc.runtime.trace_access import TraceError
from policyc.runtime.trace_chunks import chunks_of
from policyc.runtime.trace_corpus import corpus_parts, traces_of
from policyc.runtime.trace_reading import problem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from policyc.api import Policy
    from policyc.runtime.trace_chunks import Chunk
    from policyc.runtime.trace_reading import Events

SUFFIX: Final = ".verdict.yaml"

MOST_LINES: Final = 60
"""Lines of the difference of a snapshot that are shown."""

Corpus = str | os.PathLike[str]


class SnapshotStatus(StrEnum):
    """How a trace and its snapshot fit together."""

    SAME = "same"
    CHANGED = "changed"
    NEW = "new"
    """There is no snapshot."""
    DAMAGED = "damaged"
    """The snapshot cannot be read."""
    UNREADABLE = "unreadable"
    """The trace cannot be read."""
    STALE = "stale"
    """There is a snapshot and no trace any more."""


@dataclass(frozen=True, slots=True)
class SnapshotFlip:
    """A change of a rule: entries of the form of a snapshot that went, and that came."""

    rule: str
    change: Change
    removed: tuple[dict[str, Any], ...]
    added: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "change": self.change.value,
            "removed": list(self.removed),
            "added": list(self.added),
        }


@dataclass(frozen=True, slots=True)
class SnapshotResult:
    """A trace that is not as its snapshot has it.

    `trace`: its name from the corpus on. `path`: the snapshot. `flips`: what changed, rule by rule;
    `difference`: the same as lines of a unified diff. `problem`: why the trace or the snapshot
    cannot be read.
    """

    trace: str
    path: Path
    status: SnapshotStatus
    flips: tuple[SnapshotFlip, ...] = ()
    difference: tuple[str, ...] = ()
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "trace": self.trace,
            "snapshot": self.path.as_posix(),
            "status": self.status.value,
            "flips": [flip.to_dict() for flip in self.flips],
            "problem": self.problem or None,
        }

    def __str__(self) -> str:
        told = [f"{self.trace}: {self.status.value}"]
        if self.problem:
            told[0] += f": {self.problem}"
        told += (
            f"  rule `{flip.rule}`: {flip.change.value.replace('_', ' ')}" for flip in self.flips
        )
        told += (f"    {line}" for line in self.difference[:MOST_LINES])
        if len(self.difference) > MOST_LINES:
            told.append(f"    ... and {len(self.difference) - MOST_LINES} more lines")
        return "\n".join(map(printable, told))


@dataclass(slots=True)
class SnapshotReport:
    """What a comparison found: `results` has every trace that is not the same, in the order of the
    corpus, then the stale snapshots. `is_recorded`: the snapshots were written, so that what was
    new, changed or damaged is in order now, and stale ones are gone."""

    is_recorded: bool = False
    counts: Counter[SnapshotStatus] = field(default_factory=Counter)
    results: list[SnapshotResult] = field(default_factory=list)

    @property
    def traces(self) -> int:
        """How many traces there were, also those that cannot be read."""
        return self.counts.total() - self.counts[SnapshotStatus.STALE]

    @property
    def passed(self) -> bool:
        """Whether every trace could be read and has the verdict of its snapshot. A stale snapshot
        is told, and no failure."""
        bad = {SnapshotStatus.UNREADABLE}
        if not self.is_recorded:
            bad |= {SnapshotStatus.CHANGED, SnapshotStatus.NEW, SnapshotStatus.DAMAGED}
        return not any(self.counts[status] for status in bad)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "passed": self.passed,
            "recorded": self.is_recorded,
            "traces": self.traces,
            "counts": {status.value: self.counts[status] for status in SnapshotStatus},
            "results": [result.to_dict() for result in self.results],
        }

    def __str__(self) -> str:
        counts = [
            f"{self.counts[status]:,} {status.value}"
            for status in SnapshotStatus
            if self.counts[status]
        ]
        total = f"{self.traces:,} {'trace' if self.traces == 1 else 'traces'}"
        return "\n\n".join([*map(str, self.results), f"{total}: {', '.join(counts)}"])


def has_snapshots(folder: Corpus) -> bool:
    """Whether there is a snapshot in the folder or below it."""
    return next(Path(folder).rglob(f"*{SUFFIX}"), None) is not None


def compare(
    policy: Policy,
    corpus: Corpus | Sequence[Corpus],
    folder: Corpus,
    parameters: Mapping[str, Any] | None = None,
    *,
    input_format: str = "auto",
    workers: int = 1,
    on_progress: Callable[[int], None] | None = None,
) -> SnapshotReport:
    """Compare the verdicts on a corpus with their snapshots. Nothing is written.

    Args:
        policy: what judges. parameters: its `input.*` values.
        corpus: trace files and folders of them. folder: where the snapshots are.
        input_format: as the `format` of `read_trace`. workers: how many processes judge; with more
            than one a script needs `if __name__ == "__main__":`, as with `multiprocessing`.
        on_progress: gets the number of traces that were judged since it was called last.

    Raises:
        PolicycError: a corpus has no traces, or two traces have the same name.
    """
    report = SnapshotReport()
    work = _Verdicts(policy, dict(parameters or {}), input_format)
    _run(report, work, _as_list(corpus), Path(folder), workers, on_progress)
    return report


def record(
    policy: Policy,
    corpus: Corpus | Sequence[Corpus],
    folder: Corpus,
    parameters: Mapping[str, Any] | None = None,
    *,
    input_format: str = "auto",
    workers: int = 1,
    on_progress: Callable[[int], None] | None = None,
) -> SnapshotReport:
    """As `compare`, and write the snapshots that are new, changed or damaged, and remove the stale
    ones, unless a trace cannot be read.

    Raises:
        PolicycError: a corpus has no traces, or two traces have the same name.
        OSError: a snapshot cannot be written.
    """
    report = SnapshotReport(is_recorded=True)
    work = _Verdicts(policy, dict(parameters or {}), input_format)
    _run(report, work, _as_list(corpus), Path(folder), workers, on_progress)
    return report


def _as_list(corpus: Corpus | Sequence[Corpus]) -> list[str]:
    given = [corpus] if isinstance(corpus, str | os.PathLike) else corpus
    return [os.fspath(one) for one in given]


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """The work: the verdict on each trace of a chunk, or why it cannot be read."""

    policy: Policy
    parameters: Mapping[str, Any]
    input_format: str

    def __call__(self, chunk: Chunk) -> list[tuple[str, Verdict | str]]:
        found: list[tuple[str, Verdict | str]] = []
        for part in chunk.parts:
            for name, trace in traces_of(part, self.input_format):
                try:
                    found.append((name, self._verdict(trace)))
                except TraceError as error:
                    found.append((name, problem_of(name, error)))
        return found

    def _verdict(self, trace: Events | TraceError) -> Verdict:
        if isinstance(trace, TraceError):
            raise trace
        return verdict_of(self.policy.analyze(trace, **self.parameters), trace)


def _run(
    report: SnapshotReport,
    work: _Verdicts,
    corpora: list[str],
    folder: Path,
    workers: int,
    on_progress: Callable[[int], None] | None,
) -> None:
    seen: set[Path] = set()
    for corpus in corpora:
        before = len(seen)
        root = Path(corpus) if os.path.isdir(corpus) else Path(corpus).parent
        with closing(in_order(work, chunks_of(corpus_parts(corpus)), workers)) as answers:
            for _, verdicts in answers:
                for name, verdict in verdicts:
                    trace = Path(name).relative_to(root).as_posix()
                    path = snapshot_path(folder, trace)
                    if path in seen:
                        raise PolicycError(
                            f"two traces are called `{trace}`: give the folder that both are in"
                        )
                    seen.add(path)
                    _add(report, _result(trace, path, verdict, report.is_recorded))
                if on_progress is not None:
                    on_progress(len(verdicts))
        if len(seen) == before:
            raise PolicycError(f"there are no traces in `{corpus}`")
    _add_stale(report, corpora, folder, seen)


def snapshot_path(folder: Path, trace: str) -> Path:
    """The snapshot of the trace of this name: one of several in a file has a folder with them."""
    position = re.search(r":(\d+)$|\[(\d+)\]$", trace)
    if position is None:
        return folder / f"{trace}{SUFFIX}"
    return folder / trace[: position.start()] / f"{position[1] or position[2]}{SUFFIX}"


def _add(report: SnapshotReport, result: SnapshotResult) -> None:
    report.counts[result.status] += 1
    if result.status is not SnapshotStatus.SAME:
        report.results.append(result)


def _result(trace: str, path: Path, verdict: Verdict | str, is_recorded: bool) -> SnapshotResult:
    if isinstance(verdict, str):
        return SnapshotResult(trace, path, SnapshotStatus.UNREADABLE, problem=verdict)
    text = to_yaml(verdict, trace)
    result = _compared(trace, path, verdict, text)
    if is_recorded and result.status is not SnapshotStatus.SAME:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return result


def _compared(trace: str, path: Path, verdict: Verdict, text: str) -> SnapshotResult:
    try:
        recorded = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        lines = tuple(f"+{line}" for line in text.splitlines())
        return SnapshotResult(trace, path, SnapshotStatus.NEW, difference=lines)
    except ValueError:
        return SnapshotResult(trace, path, SnapshotStatus.DAMAGED, problem="it is no text in UTF-8")
    if recorded == text:
        return SnapshotResult(trace, path, SnapshotStatus.SAME)
    try:
        old = from_yaml(recorded)
    except VerdictError as error:
        return SnapshotResult(trace, path, SnapshotStatus.DAMAGED, problem=str(error))
    before = to_yaml(old, trace)
    if before == text:
        return SnapshotResult(trace, path, SnapshotStatus.SAME)
    difference = list(difflib.unified_diff(before.splitlines(), text.splitlines(), lineterm=""))[2:]
    flips = tuple(_flips(old, verdict))
    return SnapshotResult(trace, path, SnapshotStatus.CHANGED, flips, tuple(difference))


def _flips(old: Verdict, new: Verdict) -> Iterator[SnapshotFlip]:
    """What changed, in the order of the names of the rules."""
    rules = {entry["rule"] for verdict in (old, new) for name in LISTS for entry in verdict[name]}
    for rule in sorted(rules):
        for name in LISTS:
            before = [entry for entry in old[name] if entry["rule"] == rule]
            after = [entry for entry in new[name] if entry["rule"] == rule]
            removed = only_in(before, after, entry_text)
            added = only_in(after, before, entry_text)
            if removed or added:
                change = change_of(name == "errors", before, after)
                yield SnapshotFlip(rule, change, removed, added)


def _add_stale(report: SnapshotReport, corpora: list[str], folder: Path, seen: set[Path]) -> None:
    """Tell the snapshots without a trace, and remove them where that is wanted and sure."""
    removes = report.is_recorded and not report.counts[SnapshotStatus.UNREADABLE]
    for path in sorted(_snapshots_of(corpora, folder) - seen):
        trace = PurePosixPath(path.relative_to(folder).as_posix().removesuffix(SUFFIX))
        _add(report, SnapshotResult(str(trace), path, SnapshotStatus.STALE))
        if removes:
            path.unlink()
            _remove_empty(path.parent, folder)


def _snapshots_of(corpora: Iterable[str], folder: Path) -> set[Path]:
    """The snapshots that belong to the corpora: to a folder all of them, to a file its own."""
    found: set[Path] = set()
    for corpus in corpora:
        if os.path.isdir(corpus):
            found.update(folder.rglob(f"*{SUFFIX}"))
        else:
            name = Path(corpus).name
            found.update((folder / name).glob(f"*{SUFFIX}"))
            found.update(path for path in [folder / f"{name}{SUFFIX}"] if path.exists())
    return found


def _remove_empty(place: Path, top: Path) -> None:
    while place != top and not any(place.iterdir()):
        place.rmdir()
        place = place.parent
