"""Bindings of some of the variables of a block, as the search for near misses carries them along.

Partial bindings that agree in everything that later conditions ask about are a group; in a group
those that fail in the same steps are one entry, with a count and the one that fails by the least.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler import plan as p

if TYPE_CHECKING:
    from policyc.runtime.interpreter import Frame

MAX_PARTIAL: Final = 5_000
"""Partial bindings that are carried from one variable to the next."""

Chosen = tuple[Any, Any, Any]
"""A candidate of a loop variable: its value, its place, and its coordinate or number."""

Failed = frozenset[int]
"""Numbers of the steps that do not hold, or have nothing to be tried on."""


@dataclass(slots=True)
class Item:
    """A condition or assignment, the `levels` it depends on, the `names` it needs."""

    number: int
    step: p.Check | p.Bind
    levels: frozenset[int]
    names: frozenset[str]
    alone: bool = False
    """Whether it depends on one trace variable only, so that it is tried once for each object."""
    flow: tuple[str, str] | None = None
    """The variables of a plain flow, which most pairs of a long trace are tried for."""


@dataclass(slots=True)
class Level:
    """A loop and what is tried in it. The first level has no loop."""

    number: int
    step: p.Scan | p.Each | None
    source: frozenset[int] = frozenset()
    items: list[Item] = field(default_factory=list)
    needed: tuple[int, ...] = ()
    """The levels up to this one that something later asks about."""
    objects: list[Candidate] = field(default_factory=list)
    fewest: int = 0
    """Conditions that fail at least from this level on, whatever is chosen."""


@dataclass(slots=True)
class Candidate:
    """A candidate of a trace variable, with what it answers alone."""

    chosen: Chosen
    failed: Failed
    binds: list[tuple[str, Any, Any]]
    distance: float = 0.0


@dataclass(slots=True)
class Entry:
    """Bindings that fail in the same steps: how many, and the one that fails by the least."""

    count: int
    chosen: tuple[Chosen | None, ...]
    distance: float


@dataclass(slots=True)
class Group:
    """Partial bindings that agree in everything that later levels ask about."""

    frame: Frame
    identities: tuple[Any, ...]
    entries: dict[Failed, Entry] = field(default_factory=dict)

    def fewest(self) -> int:
        return min(map(len, self.entries))


def plain_flow(step: p.Step) -> tuple[str, str] | None:
    match step:
        case p.Check(condition=p.Flow(p.Var(left), p.Var(right), immediate=False)):
            return left, right
        case _:
            return None


def merge(entries: dict[Failed, Entry], failed: Failed, added: Entry) -> None:
    """Put bindings to those that fail in the same steps."""
    known = entries.get(failed)
    if known is None:
        entries[failed] = added
        return
    if added.distance < known.distance:
        known.chosen, known.distance = added.chosen, added.distance
    known.count += added.count


def weight_of(group: Group) -> int:
    """The bindings that a group stands for."""
    return sum(entry.count for entry in group.entries.values())


class Found:
    """The groups that a level gives: those for which at most `most` steps fail."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.groups: dict[tuple[Any, ...], Group] = {}
        self.has_pruned = False
        self.lost = 0

    def add(self, key: tuple[Any, ...], frame: Frame, group: Group, added: Candidate) -> None:
        """Take the bindings of a group with a candidate added."""
        for before, entry in group.entries.items():
            together = before | added.failed
            if len(together) > self.most:
                self.has_pruned = True
                continue
            target = self.groups.get(key)
            if target is None:
                if len(self.groups) > 4 * MAX_PARTIAL:
                    self.groups = {kept.identities: kept for kept in self.kept()}
                target = self.groups[key] = Group(frame.child(), key)
            chosen = (*entry.chosen, added.chosen)
            merge(
                target.entries,
                together,
                Entry(entry.count, chosen, entry.distance + added.distance),
            )

    def kept(self) -> list[Group]:
        """The groups to go on with, best first; `lost` counts bindings too many to carry."""
        groups = list(self.groups.values())
        for group in groups:
            most = max(1, group.fewest())
            group.entries = {x: e for x, e in group.entries.items() if len(x) <= most}
        groups.sort(key=Group.fewest)
        self.lost += sum(map(weight_of, groups[MAX_PARTIAL:]))
        return groups[:MAX_PARTIAL]
