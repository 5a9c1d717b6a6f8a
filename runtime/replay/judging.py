"""The work of a replay: a chunk of a corpus, judged by both policies.

`Replay` can be pickled and called in any process. What it answers is small where nothing flips; the
events of a trace are read again from its chunk where an example is wanted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from policyc.runtime.replay.decisions import CLEAN, Decision, Outcome, decide
from policyc.runtime.replay.flips import RuleFlip, compare
from policyc.runtime.replay.rules import RulePair, pair_rules
from policyc.runtime.trace_access import TraceError
from policyc.runtime.trace_corpus import traces_of
from policyc.runtime.trace_reading import problem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from policyc.api import Policy
    from policyc.runtime.trace_chunks import Chunk
    from policyc.runtime.trace_reading import Events


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a chunk a trace is: the number of the part, and of the trace in it."""

    part: int
    trace: int


@dataclass(frozen=True, slots=True)
class TraceFlip:
    """A trace on which the policies do not agree."""

    name: str
    place: Place
    old: Outcome
    new: Outcome
    rules: tuple[RuleFlip, ...]

    def to_dict(self, pairs: Sequence[RulePair]) -> dict[str, Any]:
        """A line of `policyc replay --format json`."""
        return {
            "trace": self.name,
            "old": self.old.to_dict(),
            "new": self.new.to_dict(),
            "flips": [flip.to_dict(pairs) for flip in self.rules],
        }


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A trace that could not be judged."""

    name: str
    problem: str

    def to_dict(self) -> dict[str, Any]:
        """A line of `policyc replay --format json`."""
        return {"trace": self.name, "error": self.problem}


@dataclass(slots=True)
class Judged:
    """What was found in a chunk, in the order of its traces.

    `old_blocked`, `new_blocked`: traces that each policy blocks. `old_fired`, `new_fired`: traces
    in which the rule of a pair has a violation, by the number of the pair.
    """

    traces: int = 0
    old_blocked: int = 0
    new_blocked: int = 0
    old_fired: Counter[int] = field(default_factory=Counter)
    new_fired: Counter[int] = field(default_factory=Counter)
    found: list[TraceFlip | Unreadable] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Replay:
    """Two policies, and how traces are read and judged.

    `stream`: events are judged one by one as they come, not the trace as a whole.
    """

    old: Policy
    new: Policy
    pairs: tuple[RulePair, ...]
    parameters: Mapping[str, Any]
    input_format: str = "auto"
    stream: bool = False

    @classmethod
    def of(
        cls,
        old: Policy,
        new: Policy,
        parameters: Mapping[str, Any],
        input_format: str = "auto",
        *,
        stream: bool = False,
    ) -> Replay:
        """A replay of two policies, their rules paired."""
        pairs = pair_rules(old._engine.plan, new._engine.plan)
        return cls(old, new, pairs, parameters, input_format, stream)

    def __call__(self, chunk: Chunk) -> Judged:
        judged = Judged()
        for part_number, part in enumerate(chunk.parts):
            for number, (name, trace) in enumerate(traces_of(part, self.input_format)):
                try:
                    old, new = self.decisions(trace)
                except TraceError as error:
                    judged.found.append(Unreadable(name, problem_of(name, error)))
                    continue
                judged.traces += 1
                if old is not CLEAN or new is not CLEAN:
                    self._count(judged, old, new)
                    if flips := compare(self.pairs, old, new):
                        place = Place(part_number, number)
                        flip = TraceFlip(name, place, old.outcome, new.outcome, tuple(flips))
                        judged.found.append(flip)
        return judged

    def decisions(self, trace: Events | TraceError) -> tuple[Decision, Decision]:
        """What the old and the new policy say about a trace.

        Raises:
            TraceError: it could not be read, or a part that a rule looks at is malformed.
        """
        if isinstance(trace, TraceError):
            raise trace
        old = decide(self.old, trace, self.parameters, stream=self.stream)
        new = decide(self.new, trace, self.parameters, stream=self.stream)
        return old, new

    def _count(self, judged: Judged, old: Decision, new: Decision) -> None:
        judged.old_blocked += old.outcome.blocked
        judged.new_blocked += new.outcome.blocked
        for number, pair in enumerate(self.pairs):
            if pair.old is not None and old.has_violation(pair.old.ref):
                judged.old_fired[number] += 1
            if pair.new is not None and new.has_violation(pair.new.ref):
                judged.new_fired[number] += 1

    def events_of(self, flip: TraceFlip, chunk: Chunk) -> Events:
        """The events of a trace that was judged in a chunk.

        Raises:
            TraceError: it cannot be read any more, or is another one now.
        """
        traces = traces_of(chunk.parts[flip.place.part], self.input_format)
        changed = TraceError("$", f"{flip.name}: the file has changed meanwhile")
        _, trace = next(islice(traces, flip.place.trace, None), ("", changed))
        found = compare(self.pairs, *self.decisions(trace))
        if isinstance(trace, TraceError) or _as_told(found) != _as_told(flip.rules):
            raise changed
        return trace


def _as_told(flips: Iterable[RuleFlip]) -> list[Any]:
    """What makes flips equal; two errors of the same rule are different objects."""
    return [
        (flip.pair, [finding.to_dict() for finding in (*flip.removed, *flip.added)])
        for flip in flips
    ]
