"""Mutants as data: a policy with one small change each, and all of them together.

`finding.find_mutants` makes them. The processes of a hunt load this module and none of what making
needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyc.compiler import plan as p
from policyc.runtime.testing.mutation.edits import Edit, edited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.grammar.source import Source, Span
    from policyc.runtime.testing.mutation.files import Use


@dataclass(frozen=True, slots=True)
class Patch:
    """The part of a plan that a mutant changes: rules, by their numbers, and what they need of
    predicates and constants, which are numbered on from the `offsets`, how many the policy has."""

    rules: tuple[p.RulePlan, ...]
    predicates: tuple[p.PredicatePlan, ...]
    constants: tuple[p.ConstantPlan, ...]
    offsets: tuple[int, int]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the rules."""
        return tuple(rule.index for rule in self.rules)

    @property
    def alone(self) -> p.Plan:
        """The rules that change and nothing else; what they do not need is left empty."""
        predicates, constants = self.offsets
        return p.Plan(
            self.rules,
            (*(_NO_PREDICATE,) * predicates, *self.predicates),
            (*(_NO_CONSTANT,) * constants, *self.constants),
        )

    def applied(self, base: p.Plan) -> p.Plan:
        """The plan of the policy with these rules in their places."""
        rules = list(base.rules)
        for rule in self.rules:
            rules[rule.index] = rule
        return p.Plan(
            tuple(rules),
            (*base.predicates, *self.predicates),
            (*base.constants, *self.constants),
            base.sources,
        )


_NO_PREDICATE = p.PredicatePlan("", (), p.Block(()))
_NO_CONSTANT = p.ConstantPlan("", p.Literal(None))


@dataclass(frozen=True, slots=True)
class Mutant:
    """A policy with one change.

    `id` is the same whenever the same policy is mutated, and unique in it. `kind` is the name of
    the operator. `source` is the number of the file in the policy; `line` and `span` are the place
    of the change in it, `edits` what changes there, and `original` and `replaced` its text before
    and after. `condition` is the condition that holds the change. `reached_at` is what a run has to
    come to, so that the change can make a difference to it. `uses` says how a regular expression
    that changes is used.
    """

    id: str
    kind: str
    source: int
    line: int
    span: Span
    original: str
    replaced: str
    condition: str
    reached_at: Span
    edits: tuple[Edit, ...]
    patch: Patch
    uses: frozenset[Use] = frozenset()

    def text(self, source: Source) -> str:
        """The text of the changed file."""
        return edited(source.text, self.edits)


@dataclass(frozen=True, slots=True)
class Counts:
    """Changes of one kind that made no mutant: the compiler refuses them, they are proven to mean
    what the policy means, or the same as another mutant."""

    refused: int = 0
    equivalent: int = 0
    duplicate: int = 0


@dataclass(frozen=True, slots=True)
class MutantSet:
    """The mutants of a policy in the order of its text; `plan` is that of the policy itself.

    `left_out` counts by file and kind what made no mutant.
    """

    sources: tuple[Source, ...]
    plan: p.Plan
    mutants: tuple[Mutant, ...]
    left_out: Mapping[tuple[int, str], Counts]
