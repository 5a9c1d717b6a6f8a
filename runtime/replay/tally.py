"""The sums of a replay, and the first examples of each change of each rule.

What it holds depends on the size of the policies and of the examples, not on the number of traces.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policyc.runtime.replay.flips import Change
from policyc.runtime.replay.judging import TraceFlip, Unreadable
from policyc.runtime.replay.reasons import reason_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.explanation import RuleExplanation
    from policyc.runtime.replay.flips import RuleFlip
    from policyc.runtime.replay.judging import Judged, Replay
    from policyc.runtime.trace_chunks import Chunk
    from policyc.runtime.trace_reading import Events


@dataclass(frozen=True, slots=True)
class Example:
    """A trace that shows a change of a rule, with its events; `reason` says why the side of the
    rule that is silent did not fire, where that was asked for."""

    trace: TraceFlip
    flip: RuleFlip
    events: Events
    reason: RuleExplanation | None

    def to_dict(self) -> dict[str, Any]:
        shown = {"trace": self.trace.name, "change": self.flip.change.value}
        return shown if self.reason is None else {**shown, "why": self.reason.to_dict()}


@dataclass(slots=True)
class Tally:
    """Counts what chunks hold, in their order.

    `moved`: traces that both policies block, at different events of the stream.
    """

    replay: Replay
    most_examples: int = 1
    with_reasons: bool = False
    traces: int = 0
    flipped: int = 0
    newly_blocked: int = 0
    no_longer_blocked: int = 0
    moved: int = 0
    unreadable: int = 0
    old_blocked: int = 0
    new_blocked: int = 0
    old_fired: Counter[int] = field(default_factory=Counter)
    new_fired: Counter[int] = field(default_factory=Counter)
    changes: Counter[tuple[int, Change]] = field(default_factory=Counter)
    examples: defaultdict[tuple[int, Change], list[Example]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, chunk: Chunk, judged: Judged) -> None:
        """Count a chunk.

        Raises:
            TraceError: an example cannot be read any more.
        """
        self.traces += judged.traces
        self.old_blocked += judged.old_blocked
        self.new_blocked += judged.new_blocked
        self.old_fired += judged.old_fired
        self.new_fired += judged.new_fired
        for found in judged.found:
            if isinstance(found, Unreadable):
                self.unreadable += 1
            else:
                self._add_flip(chunk, found)

    def _add_flip(self, chunk: Chunk, trace: TraceFlip) -> None:
        old, new = trace.old, trace.new
        self.flipped += 1
        self.newly_blocked += new.blocked and not old.blocked
        self.no_longer_blocked += old.blocked and not new.blocked
        self.moved += old.blocked and new.blocked and old.at != new.at
        events: Events | None = None
        for flip in trace.rules:
            key = (flip.pair, flip.change)
            self.changes[key] += 1
            if len(self.examples[key]) < self.most_examples:
                events = events or self.replay.events_of(trace, chunk)
                reason = reason_for(self.replay, flip, events) if self.with_reasons else None
                self.examples[key].append(Example(trace, flip, events, reason))

    def changes_of(self, pair: int) -> dict[Change, int]:
        """In how many traces a rule changed, for each change that there is."""
        counts = {change: self.changes[pair, change] for change in Change}
        return {change: count for change, count in counts.items() if count}

    def examples_of(self, pair: int) -> Iterator[Example]:
        """The examples of a rule, change by change."""
        for change in Change:
            yield from self.examples[pair, change]

    def to_dict(self) -> dict[str, Any]:
        """The last line of `policyc replay --format json`."""
        sums = {
            "traces": self.traces,
            "flipped": self.flipped,
            "newly_blocked": self.newly_blocked,
            "no_longer_blocked": self.no_longer_blocked,
            "moved": self.moved,
            "unreadable": self.unreadable,
            "old_blocked": self.old_blocked,
            "new_blocked": self.new_blocked,
        }
        return {"summary": sums, "rules": list(map(self._rule, range(len(self.replay.pairs))))}

    def _rule(self, number: int) -> dict[str, Any]:
        return {
            **self.replay.pairs[number].to_dict(),
            "old_fired": self.old_fired[number],
            "new_fired": self.new_fired[number],
            "changes": {change.value: self.changes[number, change] for change in Change},
            "examples": [example.to_dict() for example in self.examples_of(number)],
        }
