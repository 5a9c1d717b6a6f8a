"""What there is to see of a policy: its rules, and each condition that may come out two ways.

`Points` are numbered places in a policy, and tables that say which node of its plan belongs to
which of them. A point is

- a rule;
- a condition: a line of a body, a side of `and`, `or` or `not`, the condition and the sides of
  `x if c else y`, the condition of a comprehension, and whatever else has the type bool;
- for a tool pattern its name, each key of its arguments and each value for a key or an element;
- each bound of `count`, and `forall`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from policyc.runtime.testing.coverage.spans import holds

if TYPE_CHECKING:
    from policyc.compiler import plan as p
    from policyc.grammar.source import Span


class Kind(StrEnum):
    """What a point is; the values are what reports say."""

    RULE = "rule"
    CONDITION = "condition"
    TOOL = "tool name"
    KEY = "argument"
    VALUE = "argument value"
    MINIMUM = "min"
    MAXIMUM = "max"
    FORALL = "forall"

    @property
    def outcomes(self) -> tuple[str, str]:
        """What people call its coming out true, and false."""
        return _OUTCOMES.get(self, ("true", "false"))


_OUTCOMES: Final = {
    Kind.RULE: ("fired", "silent"),
    Kind.KEY: ("present", "missing"),
    Kind.MINIMUM: ("held", "broken"),
    Kind.MAXIMUM: ("held", "broken"),
    Kind.FORALL: ("held", "broken"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """A place of a policy that can be seen to come out one way or another.

    `span`: offsets into the text of its file; of a rule its word `raise`. `owner`: the rule,
    predicate or constant that it stands in, as in ``rule `leak` ``. `text`: as the policy has it,
    in one line; of a rule its name.
    """

    span: Span
    kind: Kind
    owner: str
    text: str

    def order(self) -> tuple[int, int, str]:
        """A key that sorts points as they are read, those inside another after it."""
        return self.span.start, -self.span.end, self.kind


@dataclass(frozen=True, slots=True)
class Bounds:
    """The points of a quantifier, by number."""

    minimum: int | None = None
    maximum: int | None = None
    forall: int | None = None


@dataclass(slots=True)
class Points:
    """The points of a plan in the order of their files and places, and their nodes.

    `sources[n]`: the number of the file of point n. The other tables have the identity of a node
    as their key, because nodes that look alike are equal: they hold as long as `plan` lives.
    """

    plan: p.Plan
    all: tuple[Point, ...] = ()
    sources: tuple[int, ...] = ()
    rules: dict[int, int] = field(default_factory=dict)
    """By the index of a rule."""
    conditions: dict[int, int] = field(default_factory=dict)
    names: dict[int, int] = field(default_factory=dict)
    """Of tool patterns."""
    subjects: dict[int, int] = field(default_factory=dict)
    """What a tool pattern is asked about: without it the name cannot be tested."""
    values: dict[int, int] = field(default_factory=dict)
    """Of the patterns inside tool patterns."""
    keys: dict[int, tuple[int, ...]] = field(default_factory=dict)
    quantifiers: dict[int, Bounds] = field(default_factory=dict)
    evaluated: frozenset[int] = frozenset()
    """The expressions in these tables."""

    def has(self, node: p.PlanNode) -> bool:
        """Whether something of a node, without those below it, is counted."""
        key = id(node)
        return any(key in x for x in (self.conditions, self.names, self.values, self.quantifiers))

    def at(self, source: int, span: Span) -> int:
        """The points that tell whether a run comes to a place of a file, as a set of bits.

        A run that reaches none of them (see `Seen.reached`) cannot notice a change there. They are
        the innermost points around the place and those that have something of it, else the rule
        that it stands in. All bits are set (-1) where nothing tells.
        """
        around: dict[int, Span] = {}
        touching = 0
        for number, (point, file) in enumerate(zip(self.all, self.sources, strict=True)):
            if file != source:
                continue
            if holds(point.span, span):
                around[number] = point.span
            elif point.span.start < span.end and span.start < point.span.end:
                touching |= 1 << number
        for number, outer in around.items():
            # Links of a chain of comparisons share what lies between them.
            if not any(holds(outer, inner) for inner in around.values() if inner != outer):
                touching |= 1 << number
        if around:
            return touching
        if any(x.source == source and holds(x.span, span) for x in self.plan.constants):
            # A constant is taken apart where it is used: what stands in it is not all there is.
            return -1
        rules = (
            1 << self.rules[rule.index]
            for rule in self.plan.rules
            if rule.source == source and holds(rule.span, span)
        )
        return touching or next(rules, -1)
