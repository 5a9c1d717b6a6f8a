"""The budgets that a host may set for an analysis. By default there is none on the search itself.

Reaching one is an error of the rule that reached it, never silence: the result blocks and names the
rule. The limits that always hold (one regular expression, one built-in call, the size of what a
policy builds) are in `compiler.patterns` and `bounds`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.runtime.failures import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets for one analysis; None is no limit.

    `seconds`: time for all rules together, looked at between two steps (a step is bounded by
    itself). `work`: candidates that one rule may look at (objects tested, rows joined). `memory`:
    objects that one rule may remember. `matches`: matches of one rule.

    With each event of a monitor those of time and work begin anew; memory and matches are counted
    over its life.

    Raises:
        ValueError: a budget is not positive.
    """

    seconds: float | None = None
    work: int | None = None
    memory: int | None = None
    matches: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                raise ValueError(f"the limit `{field.name}` must be positive, not {value}")

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))


def limits_of(given: Limits | Mapping[str, Any] | None) -> Limits | None:
    """Limits as they are, or from a mapping of their fields.

    Raises:
        ValueError: a field does not exist, or a budget is not positive.
    """
    if given is None or isinstance(given, Limits):
        return given
    known = [field.name for field in fields(Limits)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(f"there is no limit `{unknown[0]}`: there are {', '.join(known)}")
    return Limits(**given)


@dataclass(slots=True)
class Work:
    """What an analysis did, by rule number: objects tested, rows joined, objects remembered,
    matches found."""

    tested: list[int]
    joined: list[int]
    remembered: list[int]
    matched: list[int]

    def __init__(self, rules: int) -> None:
        self.tested = [0] * rules
        self.joined = [0] * rules
        self.remembered = [0] * rules
        self.matched = [0] * rules

    @property
    def total(self) -> int:
        """Objects tested and rows joined by all rules."""
        return sum(self.tested) + sum(self.joined)


class Meter:
    """Counts the work of an analysis and raises `LimitExceeded` where a budget is used up.

    `alive[i]` is False once rule i reached a limit: what it would answer after that could be wrong.
    """

    CLOCK_EVERY = 8
    """Steps between two looks at the clock: a step may take a thousand times as long as a look."""

    def __init__(self, names: Sequence[str], limits: Limits) -> None:
        self.names = names
        self.limits = limits
        self.work = Work(len(names))
        self.alive = [True] * len(names)
        self._spent = [0] * len(names)
        self._steps = 0
        self._deadline = 0.0
        self.restart()

    def restart(self) -> None:
        """The budgets of time and work begin anew: another event of a monitor."""
        self._spent = [0] * len(self.names)
        seconds = self.limits.seconds
        self._deadline = math.inf if seconds is None else monotonic() + seconds

    def tested(self, rule: int) -> None:
        """An object is tested."""
        self.work.tested[rule] += 1
        self._step(rule)

    def joined(self, rule: int) -> None:
        """An entry of a memory is looked at."""
        self.work.joined[rule] += 1
        self._step(rule)

    def _step(self, rule: int) -> None:
        self._spent[rule] += 1
        limits = self.limits
        if limits.work is not None and self._spent[rule] > limits.work:
            self._exceed(rule, f"{limits.work} candidates looked at")
        self.gone_on(rule)

    def gone_on(self, rule: int) -> None:
        """A part of the work on a candidate is done, such as an element of a list."""
        limits = self.limits
        self._steps += 1
        if self._steps % self.CLOCK_EVERY == 0 and monotonic() > self._deadline:
            self._exceed(rule, f"{limits.seconds:g} seconds")

    def remembered(self, rule: int) -> None:
        """An object is remembered."""
        self.work.remembered[rule] += 1
        limit = self.limits.memory
        if limit is not None and self.work.remembered[rule] > limit:
            self._exceed(rule, f"{limit} objects remembered")

    def matched(self, rule: int) -> None:
        """A match is found."""
        self.work.matched[rule] += 1
        limit = self.limits.matches
        if limit is not None and self.work.matched[rule] > limit:
            self._exceed(rule, f"{limit} matches")

    def _exceed(self, rule: int, limit: str) -> None:
        self.alive[rule] = False
        raise LimitExceeded(self.names[rule], limit)
