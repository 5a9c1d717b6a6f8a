"""The programs of mutants, made of pieces: only what a mutant changes is compiled for it.

A program is a plan and the code generated from it. The code of a rule depends on that rule, and on
the predicates and constants that it uses, but on no other rule; it writes what it finds, by the
number of the rule, into a list that the engine sorts. So the search of a policy may be in several
pieces, one run after the other: `PieceProgram`. All else, above all the plan that reports and
errors are made from, is the whole mutated policy's, and the engine that runs it is the one that
runs every policy. Tests compare results with those of the policy compiled as a whole.

One thing differs: several rules that look at a malformed event may each see another mistake first,
and which of these is told, and what rules have seen of the event by then, depends on the order in
which the pieces are run.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from policyc.compiler.codegen import generate
from policyc.compiler.generated import Generated
from policyc.runtime.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyc.compiler import plan as p
    from policyc.runtime.testing.mutation.mutants import Mutant

PIECE = 32
"""Rules in one piece of the unchanged policy."""

MOST_RESTS = 64
"""Pieces without the rules that some mutant changes, which the next mutant may need again."""


class PieceProgram(Program):
    """A program whose search runs in pieces. `plan` is that of all rules; each piece searches some
    of them."""

    def __init__(self, plan: p.Plan, pieces: Sequence[p.Plan | Program]) -> None:
        self.pieces = [_piece(piece) for piece in pieces]
        self._plan = plan
        self.generated = _merged(plan, [piece.generated for piece in self.pieces])

    def __reduce__(self) -> tuple[Any, ...]:
        return (PieceProgram, (self.plan, self.pieces))

    @cached_property
    def batch(self) -> Callable[..., list[tuple[int, int]] | None]:
        batches = [piece.batch for piece in self.pieces]

        def batch(events: Any, run: Any, parameters: Any, found: Any) -> Any:
            tools = None
            for search in batches:
                # Every piece counts the same tools.
                tools = search(events, run, parameters, found)
            return tools

        return batch

    @cached_property
    def monitor(self) -> Callable[..., Callable[[Any], None]]:
        monitors = [piece.monitor for piece in self.pieces]

        def monitor(run: Any, parameters: Any, found: Any, tools: Any) -> Callable[[Any], None]:
            feeds = [
                start(run, parameters, found, [] if number else tools)
                for number, start in enumerate(monitors)
            ]

            def feed(event: Any) -> None:
                # Also where one refuses the event: each counts the events that it was fed.
                errors = []
                for piece in feeds:
                    try:
                        piece(event)
                    except Exception as error:
                        errors.append(error)
                if errors:
                    raise errors[0]

            return feed

        return monitor

    @cached_property
    def metered(self) -> Program:
        return PieceProgram(self.plan, [piece.metered for piece in self.pieces])


def _piece(piece: p.Plan | Program) -> Program:
    return piece if isinstance(piece, Program) else Program(piece, generate(piece))


def _merged(plan: p.Plan, parts: Sequence[Generated]) -> Generated:
    """What the runtime must know of all pieces; the code is theirs."""
    return Generated(
        "",
        "",
        {},
        names=tuple(rule.ref.name for rule in plan.rules),
        parameters=frozenset(name for rule in plan.rules for name in rule.parameters),
        defaults={name: value for part in reversed(parts) for name, value in part.defaults.items()},
        needs_context=any(part.needs_context for part in parts),
        keeps_events=any(part.keeps_events for part in parts),
        late={number: has for part in parts for number, has in part.late.items()},
        looking_back=frozenset(number for part in parts for number in part.looking_back),
        eager=frozenset(number for part in parts for number in part.eager),
    )


class MutantPrograms:
    """Makes the programs of a policy's mutants."""

    def __init__(self, base: p.Plan) -> None:
        self.base = base
        self.pieces = [base.rules[at : at + PIECE] for at in range(0, len(base.rules), PIECE)]
        self.rests: dict[tuple[int, ...], Program] = {}

    @cached_property
    def unchanged(self) -> Program:
        """The program of the policy itself."""
        return PieceProgram(self.base, self._programs)

    @cached_property
    def _programs(self) -> list[Program]:
        return [_piece(replace(self.base, rules=rules)) for rules in self.pieces]

    def of(self, mutant: Mutant) -> Program:
        """The program of the policy with the mutant's change."""
        changed = set(mutant.patch.numbers)
        plan = mutant.patch.applied(self.base)
        pieces: list[p.Plan | Program] = [mutant.patch.alone]
        for rules, program in zip(self.pieces, self._programs, strict=True):
            rest = tuple(rule for rule in rules if rule.index not in changed)
            if len(rest) == len(rules):
                pieces.append(program)
            elif rest:
                pieces.append(self._rest(rest))
        return PieceProgram(plan, pieces)

    def _rest(self, rules: tuple[p.RulePlan, ...]) -> Program:
        """The program of some rules of the policy."""
        key = tuple(rule.index for rule in rules)
        if key not in self.rests:
            if len(self.rests) >= MOST_RESTS:
                self.rests.pop(next(iter(self.rests)))
            self.rests[key] = _piece(replace(self.base, rules=rules))
        return self.rests[key]
