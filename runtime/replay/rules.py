"""The rules of an old policy and a new one in pairs.

A rule is known by its name, which is its message; one with another name and the same conditions is
a renamed one. Rules of one name (in several files, or `... #2` in one) are told apart by what they
say, then by the file they are in, then by their order.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from policyc.compiler.plan_text import block_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyc.compiler.plan import Plan, RulePlan, RuleRef


class PairStatus(StrEnum):
    """What became of a rule."""

    KEPT = "kept"
    RENAMED = "renamed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class RuleSide:
    """A rule of one of the policies: its number from 0, where it is, and its risk."""

    index: int
    ref: RuleRef
    risk: str | None

    def to_dict(self) -> dict[str, Any]:
        return {**self.ref.to_dict(), "risk": self.risk}


@dataclass(frozen=True, slots=True)
class RulePair:
    """A rule in the old policy and in the new one; None where that does not have it. `name` is the
    one in the new policy, or else in the old one."""

    name: str
    old: RuleSide | None
    new: RuleSide | None
    status: PairStatus

    def to_dict(self) -> dict[str, Any]:
        return {
            "old": None if self.old is None else self.old.to_dict(),
            "new": None if self.new is None else self.new.to_dict(),
            "status": self.status.value,
        }


def pair_rules(old: Plan, new: Plan) -> tuple[RulePair, ...]:
    """The pairs in the order of the new policy, then the rules that it has no more."""
    rest_old, rest_new = list(old.rules), list(new.rules)
    partners: dict[int, RulePlan] = {}
    for key in (_name_and_content, _name_and_file, base_name, _content):
        partners |= _matched(rest_old, rest_new, key)
    pairs = [_pair(partners.get(rule.index), rule) for rule in new.rules]
    removed = (RulePair(rule.ref.name, _side(rule), None, PairStatus.REMOVED) for rule in rest_old)
    return (*pairs, *removed)


def _matched(
    old: list[RulePlan], new: list[RulePlan], key: Callable[[RulePlan], object]
) -> dict[int, RulePlan]:
    """The old rule for the number of each new one with the same key; both are taken out."""
    candidates: defaultdict[object, deque[RulePlan]] = defaultdict(deque)
    for rule in old:
        candidates[key(rule)].append(rule)
    found: dict[int, RulePlan] = {}
    for rule in new:
        if same := candidates[key(rule)]:
            found[rule.index] = same.popleft()
    taken = {rule.index for rule in found.values()}
    old[:] = [rule for rule in old if rule.index not in taken]
    new[:] = [rule for rule in new if rule.index not in found]
    return found


def base_name(rule: RulePlan) -> str:
    """The name without the number of those of the same name; empty for a rule without a name."""
    return re.sub(r" #\d+$|^rule \d+$", "", rule.ref.name)


def _content(rule: RulePlan) -> str:
    return block_text(rule.block)


def _name_and_content(rule: RulePlan) -> Sequence[str]:
    return base_name(rule), _content(rule)


def _name_and_file(rule: RulePlan) -> Sequence[str]:
    return base_name(rule), PurePath(rule.ref.path or "").name


def _pair(old: RulePlan | None, new: RulePlan) -> RulePair:
    if old is None:
        return RulePair(new.ref.name, None, _side(new), PairStatus.ADDED)
    is_same = base_name(old) == base_name(new)
    status = PairStatus.KEPT if is_same else PairStatus.RENAMED
    return RulePair(new.ref.name, _side(old), _side(new), status)


def _side(rule: RulePlan) -> RuleSide:
    return RuleSide(rule.index, rule.ref, rule.risk)
