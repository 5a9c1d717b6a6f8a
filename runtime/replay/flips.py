"""The difference between two decisions on a trace, rule by rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from policyc.runtime.replay.decisions import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from policyc.runtime.replay.decisions import Decision
    from policyc.runtime.replay.rules import RulePair

Item = TypeVar("Item")


class Change(StrEnum):
    """How the decision of a rule on a trace changed."""

    NEWLY_FIRES = "newly_fires"
    NO_LONGER_FIRES = "no_longer_fires"
    CHANGED = "changed"
    """It fires in both, with other violations: other places, values or another risk."""
    NEWLY_FAILS = "newly_fails"
    NO_LONGER_FAILS = "no_longer_fails"
    FAILS_ELSEWHERE = "fails_elsewhere"
    """It fails at other events of the stream."""


_CHANGES: Final = {
    False: (Change.NEWLY_FIRES, Change.NO_LONGER_FIRES, Change.CHANGED),
    True: (Change.NEWLY_FAILS, Change.NO_LONGER_FAILS, Change.FAILS_ELSEWHERE),
}
"""By whether it is about failures: what begins, what ends, what is otherwise."""


def change_of(is_failure: bool, before: Collection[object], after: Collection[object]) -> Change:
    """The change from some findings of a kind to others."""
    begins, ends, otherwise = _CHANGES[is_failure]
    if not before:
        return begins
    return otherwise if after else ends


@dataclass(frozen=True, slots=True)
class RuleFlip:
    """A change of a rule on a trace.

    `pair`: number of the pair of rules. `removed`, `added`: what only the old rule found, and what
    only the new one did.
    """

    pair: int
    change: Change
    removed: tuple[Finding, ...]
    added: tuple[Finding, ...]

    def to_dict(self, pairs: Sequence[RulePair]) -> dict[str, Any]:
        return {
            "rule": pairs[self.pair].name,
            "change": self.change.value,
            "removed": [finding.to_dict() for finding in self.removed],
            "added": [finding.to_dict() for finding in self.added],
        }


def compare(pairs: Sequence[RulePair], old: Decision, new: Decision) -> list[RuleFlip]:
    """The changes, in the order of the pairs."""
    flips: list[RuleFlip] = []
    for number, pair in enumerate(pairs):
        before = [] if pair.old is None else old.findings.get(pair.old.ref, [])
        after = [] if pair.new is None else new.findings.get(pair.new.ref, [])
        if before or after:
            flips.extend(_changes(number, before, after))
    return flips


def _changes(pair: int, before: list[Finding], after: list[Finding]) -> Iterator[RuleFlip]:
    for is_failure in (False, True):
        old = [finding for finding in before if finding.is_failure == is_failure]
        new = [finding for finding in after if finding.is_failure == is_failure]
        removed, added = only_in(old, new, Finding.identity), only_in(new, old, Finding.identity)
        if removed or added:
            yield RuleFlip(pair, change_of(is_failure, old, new), removed, added)


def only_in(
    items: Iterable[Item], others: Iterable[Item], key: Callable[[Item], object]
) -> tuple[Item, ...]:
    """The items whose key is not among others, each as often as it is one too many."""
    rest = Counter(map(key, others))
    kept = []
    for item in items:
        identity = key(item)
        if rest[identity]:
            rest[identity] -= 1
        else:
            kept.append(item)
    return tuple(kept)
