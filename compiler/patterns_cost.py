"""How much work `re` can be made to do for a pattern: the proof that lets a pattern run in it.

`re` backtracks: it walks every path through the pattern that the text allows until one succeeds.
The work at one character of the text is the number of paths alive there. `peak` bounds that number
over *all* texts: it counts paths for each position of the pattern and walks every combination of
counters that some text can cause. If that ends, the work is at most `peak` times the length of the
text; if not, paths can feed each other and the work may grow faster. A search starts a new path at
every character, so that `\\s+$` has a bound when matched from one place and none when searched.

Every simplification errs towards more paths: assertions may always hold, atomic groups may be given
up, sets may share characters that they only might share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import isqrt
from typing import TYPE_CHECKING

from policyc.compiler.patterns_tree import (
    EMPTY,
    Alt,
    At,
    Atomic,
    Backref,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Repeat,
    Seq,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyc.compiler.patterns_tree import Tree

UNLIMITED = 1 << 62
STEPS = 200_000
"""Work that `re` may do in one call at worst, about a millisecond, where it grows with more than
the text."""

_EASY = 16
"""Paths alive at once that texts of any length may cost."""

_CLEAR = 1000
"""Work of an attempt that is not worth a closer look when longer texts have a better engine
anyway."""

_MOST_POSITIONS = 300
_MOST_PATHS = 64
_MOST_MOVES = 1500
_SHORT_REFERENCE = 8


class Mode(StrEnum):
    """How a pattern is applied: from one place, to the whole text, or from every place."""

    MATCH = "match"
    FULLMATCH = "fullmatch"
    SEARCH = "search"


def longest_text(tree: Tree, mode: Mode, *, has_linear_engine: bool) -> int:
    """The length up to which a text may be given to `re`: `UNLIMITED`, or less; 0 is never.

    `has_linear_engine`: another engine with a guarantee takes the longer texts, so that a quick
    answer will do.
    """
    easy = _EASY if has_linear_engine else _MOST_PATHS
    attempt = _attempt_work(tree)
    if mode is not Mode.SEARCH:
        if attempt is not None and attempt <= STEPS:
            return UNLIMITED
        paths = _paths_past_loops(tree)
        if paths is not None and paths <= easy:
            return UNLIMITED
        return _length_for(peak(tree, mode), easy)
    if attempt is not None and (attempt <= easy or (has_linear_engine and attempt <= _CLEAR)):
        return _length_for(attempt, easy)
    automaton = _automaton(tree, is_full=False)
    if automaton is None:
        return 0 if attempt is None else STEPS // attempt
    paths = _least(attempt, automaton.most_alive(is_search=True))
    linear = _length_for(paths, easy)
    if linear == UNLIMITED:
        return linear
    once = _least(attempt, automaton.most_alive(is_search=False))
    quadratic = 0 if once is None else isqrt(2 * STEPS // once)
    return max(quadratic, linear)


def _length_for(paths: int | None, easy: int) -> int:
    if paths is None:
        return 0
    return UNLIMITED if paths <= easy else STEPS // paths


def _least(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


# --- without loops: paths times length ---


def _attempt_work(tree: Tree) -> int | None:
    """A bound on the work of one attempt that no text can raise: only where nothing loops."""
    if tree.max_width is None:
        return None
    counted = _paths(tree.root, tree.group_widths())
    return None if counted is None else counted * max(tree.max_width, 1)


def _paths(node: Node, widths: dict[int, int | None]) -> int | None:
    match node:
        case Chars() | At():
            return 1
        case Seq(items):
            return _product(_paths(item, widths) for item in items)
        case Alt(options):
            return _sum(_paths(option, widths) for option in options)
        case Choice(_, yes, no):
            return _sum((_paths(yes, widths), _paths(no, widths)))
        case Group(_, body) | Atomic(body):
            return _paths(body, widths)
        case Look(_, _, body):
            return _sum((1, _paths(body, widths)))
        case Repeat(low, high, _, body):
            return _repeated_paths(_paths(body, widths), low, high)
        case Backref(number, _):
            width = widths.get(number)
            return 1 if width is not None and width <= _SHORT_REFERENCE else None


def _repeated_paths(each: int | None, low: int, high: int | None) -> int | None:
    if each is None or high is None:
        return None
    if each == 1:
        return _bounded(high - low + 1)
    total = 0
    for count in range(low, high + 1):
        total += each ** min(count, 64)
        if total > STEPS:
            return None
    return total


def _bounded(count: int) -> int | None:
    return count if count <= STEPS else None


def _product(counts: Iterable[int | None]) -> int | None:
    total = 1
    for count in counts:
        if count is None or total * count > STEPS:
            return None
        total *= count
    return total


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return _bounded(total)


# --- with loops that can be left at one place only ---


def _paths_past_loops(tree: Tree) -> int | None:
    """A bound on the paths of one attempt where each loop reads characters of one set and nothing
    after it can start with one of them, as in `\\w+@`: the quick proof for most patterns."""
    items = list(_flat(tree.root))
    paths: list[int | None] = []
    for number, item in enumerate(items):
        match item:
            case Repeat(_, None, _, Chars(loop)):
                after = _first(Seq(tuple(items[number + 1 :])), tree)
                if after is None or after[0] & tree.sets[loop].mask():
                    return None
            case _:
                paths.append(_paths(item, tree.group_widths()))
    return _product(paths)


def _flat(node: Node) -> Iterator[Node]:
    """The parts of a pattern that follow one another, also those in groups."""
    match node:
        case Group(_, body):
            yield from _flat(body)
        case Seq(items):
            for item in items:
                yield from _flat(item)
        case _:
            yield node


def _first(node: Node, tree: Tree) -> tuple[int, bool] | None:
    """The characters that a node can start with, and whether it can be empty; None if unknown."""
    match node:
        case Chars(number):
            return tree.sets[number].mask(), False
        case At():
            return 0, True
        case Group(_, body) | Repeat(1, _, _, body):
            return _first(body, tree)
        case Repeat(low, _, _, body):
            found = _first(body, tree)
            return None if found is None else (found[0], found[1] or low == 0)
        case Seq(items):
            mask = 0
            for item in items:
                found = _first(item, tree)
                if found is None:
                    return None
                mask |= found[0]
                if not found[1]:
                    return mask, False
            return mask, True
        case Alt(options):
            firsts = [_first(option, tree) for option in options]
            known = [found for found in firsts if found is not None]
            if len(known) < len(firsts):
                return None
            masks = 0
            for mask, _ in known:
                masks |= mask
            return masks, any(empty for _, empty in known)
        case _:
            return None


# --- with loops: paths alive at once ---


def peak(tree: Tree, mode: Mode) -> int | None:
    """The greatest number of paths alive at one character of any text, None without a proof."""
    automaton = _automaton(tree, is_full=mode is Mode.FULLMATCH)
    return None if automaton is None else automaton.most_alive(is_search=mode is Mode.SEARCH)


def _automaton(tree: Tree, *, is_full: bool) -> _Automaton | None:
    automaton = _Automaton(tree)
    try:
        automaton.whole = automaton.add(_without_safe_tail(tree.root, tree, is_full=is_full))
    except _NoProof:
        return None
    return automaton


def _without_safe_tail(node: Node, tree: Tree, *, is_full: bool) -> Node:
    """The node without trailing loops of single characters, which cannot fail any more.

    What they read is read once: the attempt succeeds, and a further search goes on behind it. Where
    the whole text must match that is only sure of a loop over every character.
    """
    match node:
        case Repeat(low, None, _, Chars(number) as body):
            if is_full and not tree.sets[number].is_universal:
                return node
            return Repeat(low, low, "greedy", body) if low else EMPTY
        case Group(_, body):
            return _without_safe_tail(body, tree, is_full=is_full)
        case Alt(options):
            return Alt(tuple(_without_safe_tail(o, tree, is_full=is_full) for o in options))
        case Seq(items) if items:
            last = _without_safe_tail(items[-1], tree, is_full=is_full)
            if last == EMPTY and not is_full:
                return _without_safe_tail(Seq(items[:-1]), tree, is_full=False)
            return Seq((*items[:-1], last))
        case _:
            return node


class _NoProof(Exception):
    """The pattern is of no form that a bound can be shown for."""


Counts = dict[int, int]
"""Position -> number of paths."""


@dataclass(slots=True)
class _Part:
    """A piece of the pattern: where it is entered and left, and in how many ways without a
    character.

    `*_at_start` holds where the text begins, the others elsewhere: `^` only lets pass at the start.
    """

    first: Counts
    first_at_start: Counts
    last: Counts
    empty: int
    empty_at_start: int


@dataclass(slots=True)
class _Automaton:
    """The positions of a pattern (each a set of characters) and which can follow which, in how many
    ways."""

    tree: Tree
    masks: list[int] = field(default_factory=list)
    followers: list[Counts] = field(default_factory=list)
    """For each position, the positions after it."""
    factor: int = 1
    """Work of look-behinds, done anew on each path."""
    whole: _Part = field(init=False)

    def most_alive(self, *, is_search: bool) -> int | None:
        """The most paths alive at one character of any text, None if there may be any number."""
        start = self.whole.first_at_start
        restart = self.whole.first if is_search else {}
        if self._has_fed_loop(restart):
            return None
        alive = _most_alive(self, start, restart)
        return None if alive is None else alive * self.factor

    def _has_fed_loop(self, restart: Counts) -> bool:
        """Whether a loop over one position is entered again and again while it goes on.

        The quick answer to the commonest reason why there is no bound: new paths come from a
        restart or another loop over characters that keep the loop going, too.
        """
        loops = [p for p, followers in enumerate(self.followers) if p in followers]
        for loop in loops:
            if restart and self._reaches(restart, loop, self.masks[loop]):
                return True
            for other in loops:
                shared = self.masks[loop] & self.masks[other]
                if other != loop and shared and self._reaches(self.followers[other], loop, shared):
                    return True
        return False

    def _reaches(self, starts: Counts, goal: int, mask: int) -> bool:
        """Whether characters of the mask alone lead from one of the positions to another."""
        todo = list(starts)
        seen: set[int] = set()
        while todo:
            position = todo.pop()
            if position in seen or not self.masks[position] & mask:
                continue
            if position == goal:
                return True
            seen.add(position)
            todo += self.followers[position]
        return False

    def add(self, node: Node) -> _Part:
        match node:
            case Chars(number):
                return self._position(self.tree.sets[number].mask())
            case Seq(items):
                part = _nothing()
                for item in items:
                    part = self._joined(part, self.add(item))
                return part
            case Alt(options):
                return _merged([self.add(option) for option in options])
            case Choice(_, yes, no):
                return _merged([self.add(yes), self.add(no)])
            case Group(_, body) | Atomic(body):
                return self.add(body)
            case At("start"):
                return _Part({}, {}, {}, 0, 1)
            case At():
                return _nothing()
            case Look(is_ahead, _, body):
                return self._look(body) if is_ahead else self._look_behind(body)
            case Repeat(low, high, _, body):
                return self._repeat(low, high, body)
            case Backref(number, _):
                width = self.tree.group_widths().get(number)
                if width is None or width > _SHORT_REFERENCE:
                    raise _NoProof
                return self._optional_run(width)

    def _position(self, mask: int) -> _Part:
        if len(self.masks) >= _MOST_POSITIONS:
            raise _NoProof
        number = len(self.masks)
        self.masks.append(mask)
        self.followers.append({})
        one = {number: 1}
        return _Part(one, one, one, 0, 0)

    def _joined(self, left: _Part, right: _Part) -> _Part:
        self._connect(left.last, right.first)
        return _Part(
            _plus(left.first, right.first, left.empty),
            _plus(left.first_at_start, right.first_at_start, left.empty_at_start),
            _plus(right.last, left.last, right.empty),
            left.empty * right.empty,
            left.empty_at_start * right.empty_at_start,
        )

    def _connect(self, last: Counts, first: Counts) -> None:
        for position, ways in last.items():
            self.followers[position] = _plus(self.followers[position], first, ways)

    def _look(self, body: Node) -> _Part:
        """The paths of a look-ahead run beside those that go on."""
        inner = self.add(body)
        return _Part(inner.first, inner.first_at_start, {}, 1, 1)

    def _look_behind(self, body: Node) -> _Part:
        paths = _paths(body, self.tree.group_widths())
        if paths is None:
            raise _NoProof
        self.factor *= 1 + paths * sum(1 for _ in _characters(body))
        if self.factor > _MOST_PATHS:
            raise _NoProof
        return _nothing()

    def _repeat(self, low: int, high: int | None, body: Node) -> _Part:
        if max(low, high or 0) > _MOST_POSITIONS:
            raise _NoProof
        part = _nothing()
        for _ in range(low if high is not None else low - 1):
            part = self._joined(part, self.add(body))
        if high is None:
            return self._joined(part, self._loop(body, can_skip=low == 0))
        tail = _nothing()
        for _ in range(high - low):
            # From the inside out, (x(x(x)?)?)?: each number of repeats is reached in one way.
            tail = _merged([self._joined(self.add(body), tail), _nothing()])
        return self._joined(part, tail)

    def _loop(self, body: Node, *, can_skip: bool) -> _Part:
        inner = self.add(body)
        if inner.empty or inner.empty_at_start:
            raise _NoProof
        self._connect(inner.last, inner.first)
        empty = int(can_skip)
        return _Part(inner.first, inner.first_at_start, inner.last, empty, empty)

    def _optional_run(self, width: int) -> _Part:
        tail = _nothing()
        for _ in range(width):
            tail = _merged([self._joined(self._position(-1), tail), _nothing()])
        return tail


def _nothing() -> _Part:
    return _Part({}, {}, {}, 1, 1)


def _plus(counts: Counts, more: Counts, times: int) -> Counts:
    if not times or not more:
        return counts
    total = dict(counts)
    for position, ways in more.items():
        total[position] = total.get(position, 0) + ways * times
    return total


def _merged(parts: list[_Part]) -> _Part:
    whole = _Part({}, {}, {}, 0, 0)
    for part in parts:
        whole.first = _plus(whole.first, part.first, 1)
        whole.first_at_start = _plus(whole.first_at_start, part.first_at_start, 1)
        whole.last = _plus(whole.last, part.last, 1)
        whole.empty += part.empty
        whole.empty_at_start += part.empty_at_start
    return whole


def _characters(node: Node) -> Iterable[Node]:
    match node:
        case Repeat(low, _, _, body):
            for _ in range(low):
                yield from _characters(body)
        case Seq(items):
            for item in items:
                yield from _characters(item)
        case Alt(options):
            yield from _characters(options[0])
        case Group(_, body) | Atomic(body):
            yield from _characters(body)
        case _:
            yield node


def _most_alive(automaton: _Automaton, start: Counts, restart: Counts) -> int | None:
    """The most paths alive at once, by walking every combination of counters that a text can cause.

    None if there are too many combinations, or one has too many paths: they may well grow without
    end.
    """
    followers, masks = automaton.followers, automaton.masks
    todo = [start]
    seen = {frozenset(start.items())}
    most = 1
    moves = 0
    while todo:
        alive = todo.pop()
        most = max(most, sum(alive.values()))
        if most > _MOST_PATHS or moves > _MOST_MOVES:
            return None
        for moved in _moves(alive, masks):
            moves += 1 + len(moved)
            after = dict(restart)
            for source in moved:
                count = alive[source]
                for position, ways in followers[source].items():
                    after[position] = after.get(position, 0) + ways * count
            key = frozenset(after.items())
            if key not in seen:
                seen.add(key)
                todo.append(after)
    return most


def _moves(alive: Counts, masks: list[int]) -> set[tuple[int, ...]]:
    """The sets of positions that one character can move on together."""
    different = {masks[position] for position in alive}
    if len(different) <= 1:
        return {(), tuple(alive)}
    atoms: list[int] = [-1]
    for mask in different:
        atoms = [part for atom in atoms for part in (atom & mask, atom & ~mask) if part]
    return {tuple([p for p in alive if masks[p] & atom]) for atom in atoms}
