"""The bindings that come nearest to a model of a block: the fewest conditions fail for them.

Takes a block and the variables bound around it. Every condition counts, also those after the
first that fails: a rule that would fire but for one condition is explained by that condition,
wherever it stands.

The search goes through the variables in the order of their loops. Each condition is tried as soon
as its variables are bound, once for each object where it asks about one variable only. Partial
bindings that agree in all that later conditions ask about, and in what failed, are one, with a
count. So a chain of flows costs pairs, never the product of all domains. What is still too much
is cut, and a note says how many were looked at.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from math import log
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.runtime.budgeted import BudgetedInterpreter, CalledByNeed, Spent
from policyc.runtime.closeness import FAR, MISSING, distance, weight
from policyc.runtime.failures import EvaluationError
from policyc.runtime.partial_bindings import (
    Candidate,
    Chosen,
    Entry,
    Failed,
    Found,
    Group,
    Item,
    Level,
    merge,
    plain_flow,
    weight_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.runtime.interpreter import Frame


@dataclass(slots=True)
class Tally:
    """How many candidates came to a step, with all before it holding, and how many passed."""

    reached: int = 0
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Near:
    """A binding that is no model, the steps that fail, and how many bindings fail in these.

    Without steps that fail it could not be decided within the work allowed.
    """

    frame: Frame
    failed: Failed
    count: int


@dataclass(slots=True)
class Search:
    """What a search found: the nearest bindings, best first, one for each set of failing steps."""

    near: list[Near] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    """The numbers of the steps in the order in which they were tried."""
    tallies: dict[int, Tally] = field(default_factory=dict)
    never: frozenset[int] = frozenset()
    """The steps that held under no binding that they were tried under."""
    notes: list[str] = field(default_factory=list)

    def culprit(self, failed: Failed) -> int:
        """The step to name of several that fail: one that never holds, else the first."""
        return min(failed, key=lambda number: (number not in self.never, number))


class NearMisses:
    """Searches the blocks of one plan; `work` bounds what one search evaluates."""

    def __init__(self, interpreter: BudgetedInterpreter) -> None:
        self.interpreter = interpreter
        self.by_need = CalledByNeed(interpreter.plan)

    def search(self, block: p.Block, frame: Frame, work: int) -> Search:
        """The nearest bindings of a block under the variables that `frame` binds."""
        return _BlockSearch(self.interpreter, self.by_need, block, frame, work).run()


class _BlockSearch:
    def __init__(
        self,
        interpreter: BudgetedInterpreter,
        by_need: CalledByNeed,
        block: p.Block,
        frame: Frame,
        work: int,
    ) -> None:
        self.interpreter = interpreter
        self.outer = frame.unmarked().child()
        self.end = interpreter.work + work
        self.result = Search()
        self.notes: list[str] = []
        """What the last pass left out."""
        self.has_pruned = False
        self.unsettled: Near | None = None
        """A binding under which nothing fails and some steps took too long."""
        self.has_given_up = False
        self.rates: dict[int, Tally] = {}
        self.fresh = 0
        self.last: list[Item] = []
        """Conditions that are tried only where everything else holds."""
        self.levels = [Level(0, None)]
        self.steps = block.steps
        self._arrange(block, by_need)

    # --- the order of the search

    def _arrange(self, block: p.Block, by_need: CalledByNeed) -> None:
        known: dict[str, frozenset[int]] = {}
        for number, step in enumerate(block.steps):
            names = p.free_variables(step)
            levels = frozenset[int]().union(*(known.get(name, ()) for name in names))
            if isinstance(step, p.Scan | p.Each):
                known[step.variable] = frozenset((len(self.levels),))
                self.levels.append(Level(number, step, levels))
                continue
            item = Item(number, step, levels, names, flow=plain_flow(step))
            if isinstance(step, p.Bind):
                known[step.variable] = levels
            if isinstance(step, p.Check) and by_need(step):
                self.last.append(item)
            else:
                self.levels[max(levels, default=0)].items.append(item)
        for at, level in enumerate(self.levels):
            for item in level.items:
                item.alone = isinstance(level.step, p.Scan) and item.levels == {at}
            asked = frozenset[int]().union(
                *(x.source for x in self.levels[at + 1 :]),
                *(item.levels for x in self.levels[at + 1 :] for item in x.items),
                *(item.levels for item in self.last),
            )
            level.needed = tuple(sorted(x for x in asked if x <= at))
            level.items.sort(key=lambda item: not item.alone)
            self.result.order += [level.number] if level.step is not None else []
            self.result.order += [item.number for item in level.items]
        self.result.order += [item.number for item in self.last]

    # --- the search

    def run(self) -> Search:
        start = self._first()
        for level in self.levels:
            if isinstance(level.step, p.Scan):
                self._prepare(level, level.step)
        fewest = 0
        for level in reversed(self.levels):
            level.fewest = fewest
            if isinstance(level.step, p.Scan):
                fewest += min((len(x.failed) for x in level.objects), default=1)
        most = len(self.levels) + sum(len(level.items) for level in self.levels)
        threshold = max(1, start.fewest() + fewest)
        while threshold <= most and not self.result.near:
            self._pass(start, threshold)
            if self.interpreter.work >= self.end or not self.has_pruned:
                break
            threshold += 1
        if not self.result.near and self.unsettled is not None:
            self.result.near.append(self.unsettled)
        self.result.notes.extend(self.notes)
        self.result.never = frozenset(
            number for number, rate in self.rates.items() if not rate.passed
        )
        return self.result

    def _first(self) -> Group:
        """The group of the one empty binding, after what depends on no loop."""
        frame = self.outer.child()
        failed: set[int] = set()
        far = 0.0
        self._share(len(self.levels) + 1)
        for item in self.levels[0].items:
            if not self._passes(item, frame, 0 if failed else 1):
                failed.add(item.number)
                far += self._distance(item, frame)
        return Group(frame, (), {frozenset(failed): Entry(1, (None,), far)})

    def _prepare(self, level: Level, step: p.Scan) -> None:
        """Try on each object of a trace variable what asks about it alone."""
        alone = [item for item in level.items if item.alone]
        objects = self.interpreter.history.objects(step.domain)
        self.result.tallies[level.number] = Tally(1, len(objects))
        self._share(2 * len(self.levels))
        frame = self.outer.child()
        for looked, (coordinate, value, place) in enumerate(reversed(objects)):
            if self.interpreter.is_spent:
                left = f"looked at {looked} of {len(objects)} candidates of `{step.variable}`"
                self.result.notes.append(left)
                break
            frame.bind(step.variable, value, place, coordinate)
            failed: set[int] = set()
            far = 0.0
            binds = []
            for item in alone:
                if not self._passes(item, frame, 0 if failed else 1):
                    failed.add(item.number)
                    far += self._distance(item, frame)
                elif isinstance(item.step, p.Bind):
                    name = item.step.variable
                    binds.append((name, frame.values[name], frame.places[name]))
            chosen = (value, place, coordinate)
            level.objects.append(Candidate(chosen, frozenset(failed), binds, far))
        # Stable: of those that fail as much the latest comes first.
        level.objects.sort(key=lambda candidate: (len(candidate.failed), candidate.distance))

    def _pass(self, start: Group, threshold: int) -> None:
        """Search for bindings under which at most `threshold` steps fail."""
        self.has_pruned = False
        self.fresh = 0
        for level in self.levels[1:]:
            for number in [item.number for item in level.items if not item.alone]:
                self.rates.pop(number, None)
                self.result.tallies.pop(number, None)
            if isinstance(level.step, p.Each):
                self.result.tallies.pop(level.number, None)
        self.notes.clear()
        groups: list[Group] = [start]
        for at in range(1, len(self.levels)):
            groups = self._extend(groups, at, threshold)
        self._finish(groups)

    def _extend(self, groups: list[Group], at: int, threshold: int) -> list[Group]:
        """The groups with the loop of a level added."""
        level = self.levels[at]
        before = self.levels[at - 1].needed
        found = Found(threshold - level.fewest)
        self._share(len(self.levels) - at + 1)
        for number, group in enumerate(groups):
            frame = group.frame.child()
            known = dict(zip(before, group.identities, strict=True))
            room = found.most - group.fewest()
            for identity, candidate in self._candidates(level, frame, group):
                self.interpreter.work += 1
                if self.interpreter.is_spent:
                    self._note_rest(at, groups, number, identity)
                    return found.kept()
                if len(candidate.failed) > room:
                    self.has_pruned = True
                    # Whatever comes after it fails in as many conditions or more.
                    break
                joined = self._joined(level, frame, group, candidate, room)
                known[at] = identity
                found.add(tuple(known[x] for x in level.needed), frame, group, joined)
        self.has_pruned = self.has_pruned or found.has_pruned
        kept = found.kept()
        if found.lost:
            weight = sum(map(weight_of, kept))
            self._note(weight, weight + found.lost, self._combinations(at))
        return kept

    def _candidates(
        self, level: Level, frame: Frame, group: Group
    ) -> Iterable[tuple[Any, Candidate]]:
        """The candidates of a level for a group, each bound in the frame while it is the one."""
        step = level.step
        assert step is not None  # noqa: S101  # only the first level has no loop
        objects = level.objects
        if isinstance(step, p.Each):
            objects = self._derived(level, step, frame, group)
        assigned = [x.step.variable for x in level.items if isinstance(x.step, p.Bind)]
        for identity, candidate in enumerate(objects):
            for name in assigned:
                frame.values.pop(name, None)
            frame.bind(step.variable, *candidate.chosen)
            for name, bound, where in candidate.binds:
                frame.bind(name, bound, where)
            yield (self.fresh, identity) if isinstance(step, p.Each) else identity, candidate
        if not objects:
            alone = {item.number for item in level.items if item.alone}
            failed = frozenset({level.number} | alone)
            yield -1, Candidate((None, None, None), failed, [], MISSING)

    def _derived(self, level: Level, step: p.Each, frame: Frame, group: Group) -> list[Candidate]:
        self.fresh += 1
        found: list[Any] = []
        if p.free_variables(step.source) <= frame.values.keys():
            # Without values, and where its source has no value, a variable has no candidates.
            with suppress(EvaluationError, Spent):
                found = self.interpreter.derived(step, frame)
        entry = group.entries.get(frozenset())
        if entry is not None:
            tally = self.result.tallies.setdefault(level.number, Tally())
            tally.reached += entry.count
            tally.passed += entry.count * len(found)
        return [
            Candidate((value, place, number), frozenset(), [])
            for number, value, place in reversed(found)
        ]

    def _joined(
        self, level: Level, frame: Frame, group: Group, candidate: Candidate, room: int
    ) -> Candidate:
        """The candidate with what fails where it is related to the variables before it.

        Once more than `room` steps fail the rest is not tried: nothing comes of it.
        """
        failed = set(candidate.failed)
        far = candidate.distance
        entry = group.entries.get(frozenset())
        weight = entry.count if entry is not None and not candidate.failed else 0
        for item in level.items:
            if item.alone:
                continue
            if not self._passes(item, frame, weight):
                failed.add(item.number)
                weight = 0
                if len(failed) > room:
                    break
                far += self._distance(item, frame)
        return Candidate(candidate.chosen, frozenset(failed), [], far)

    def _finish(self, groups: list[Group]) -> None:
        """Try what is called by need on what is left, and keep the nearest bindings."""
        found: dict[Failed, Entry] = {}
        self._share(1)
        for group in groups:
            for failed, entry in group.entries.items():
                together = failed
                if not failed and self.last:
                    together = self._by_need(group.frame, entry)
                merge(found, together, entry)
        settled = found.pop(frozenset(), None)
        if not found:
            if settled is not None and self.has_given_up:
                frame = self._frame(settled.chosen)
                self.unsettled = Near(frame, frozenset(), settled.count)
            return
        fewest = min(map(len, found))
        self.result.near = [
            Near(self._frame(entry.chosen), failed, entry.count)
            for failed, entry in sorted(found.items(), key=lambda pair: self._rank(*pair))
            if len(failed) == fewest
        ]

    def _by_need(self, frame: Frame, entry: Entry) -> Failed:
        for item in self.last:
            if not self._passes(item, frame, entry.count):
                return frozenset((item.number,))
        return frozenset()

    def _rank(self, failed: Failed, entry: Entry) -> tuple[Any, ...]:
        """Which of the nearest bindings to show first.

        A binding that satisfies what seldom holds and fails in what often holds was more likely
        meant than the other way round.
        """
        says = sum(map(self._says, failed))
        if len(failed) > 1:
            return (len(failed), -min(failed), says + entry.distance)
        return (len(failed), says + entry.distance, -min(failed))

    def _says(self, number: int) -> float:
        """How much it says that a step holds: more, the seldomer it does."""
        rate = self.rates.get(number, Tally())
        step = self.steps[number]
        rarity = -log((rate.passed + 0.5) / (rate.reached + 1))
        return rarity + (weight(step.condition) if isinstance(step, p.Check) else 1.0)

    def _frame(self, chosen: tuple[Chosen | None, ...]) -> Frame:
        frame = self.outer.child()
        for level, candidate in zip(self.levels[1:], chosen[1:], strict=True):
            step = level.step
            assert step is not None  # noqa: S101  # only the first level has no loop
            if candidate is not None and candidate[2] is not None:
                frame.bind(step.variable, *candidate)
        return frame

    # --- one step

    def _passes(self, item: Item, frame: Frame, weight: int) -> bool:
        """Whether a step holds, counted for `weight` bindings that came to it.

        What cannot be tried, because something it needs has no value, does not hold. What takes
        too long is not blamed. Neither is counted.
        """
        if not item.names <= frame.values.keys():
            return False
        try:
            passed = self._try(item, frame)
        except Spent:
            self.has_given_up = True
            return True
        rate = self.rates.setdefault(item.number, Tally())
        rate.reached += 1
        rate.passed += passed
        if weight:
            tally = self.result.tallies.setdefault(item.number, Tally())
            tally.reached += weight
            tally.passed += weight if passed else 0
        return passed

    def _try(self, item: Item, frame: Frame) -> bool:
        """Whether a step holds, which it does not where it fails.

        Raises:
            Spent: it takes too long.
        """
        step = item.step
        if item.flow is not None:
            self.interpreter.work += 1
            left, right = (frame.values[name] for name in item.flow)
            return self.interpreter.history.is_before(left, right)
        try:
            if isinstance(step, p.Check):
                return bool(self.interpreter.eval(step.condition, frame))
            value = self.interpreter.eval(step.value, frame)
            frame.bind(step.variable, value, self.interpreter.locate(step.value, frame))
        except EvaluationError:
            if isinstance(step, p.Bind):
                frame.values.pop(step.variable, None)
            return False
        return True

    def _distance(self, item: Item, frame: Frame) -> float:
        """By how much a step fails."""
        if isinstance(item.step, p.Bind) or not item.names <= frame.values.keys():
            return MISSING
        if item.flow is not None:
            return FAR
        return distance(self.interpreter, item.step.condition, frame)

    def _share(self, parts: int) -> None:
        """Allow one part of the work and time that is left."""
        left = max(0, self.end - self.interpreter.work)
        self.interpreter.allow(left // parts, parts)

    # --- notes

    def _combinations(self, at: int) -> str:
        names = [f"`{x.step.variable}`" for x in self.levels[1 : at + 1] if x.step is not None]
        kind = "combinations" if len(names) > 1 else "candidates"
        return f"{kind} of {', '.join(names)}"

    def _note(self, looked: int, total: int, what: str) -> None:
        self.notes.append(f"looked at {looked} of {total} {what}")

    def _note_rest(self, at: int, groups: list[Group], number: int, identity: Any) -> None:
        """Note how far the work went: to a candidate of the group with that number."""
        done, total = sum(map(weight_of, groups[:number])), sum(map(weight_of, groups))
        objects = self.levels[at].objects
        if objects:
            done = done * len(objects) + weight_of(groups[number]) * identity
            self._note(done, total * len(objects), self._combinations(at))
        elif at > 1:
            self._note(done, total, self._combinations(at - 1))
        else:
            self.notes.append(f"did not look at all {self._combinations(at)}")
