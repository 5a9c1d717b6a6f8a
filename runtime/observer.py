"""Watches conditions being evaluated: their outcome, their values, and why these do not fit.

Takes expressions of a plan and the variables that they are evaluated under, gives `Observation`s:
trees that follow an expression down to the values of the trace. Quantifiers and predicates are
followed into their blocks. Nothing that a policy or a trace holds makes it raise: what fails is an
outcome like any other.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler import plan as p
from policyc.grammar.printable import printable
from policyc.runtime import mismatches
from policyc.runtime.budgeted import BudgetedInterpreter, Spent
from policyc.runtime.events import TraceObject
from policyc.runtime.excerpts import one_line, place_text, shown
from policyc.runtime.failures import EvaluationError
from policyc.runtime.interpreter import Frame
from policyc.runtime.near_misses import NearMisses
from policyc.runtime.observations import Binding, Observation, Outcome
from policyc.runtime.places import render_all
from policyc.runtime.reasons import count_of, fold_of, is_logical, loops_of, reason
from policyc.runtime.values import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.grammar.source import Source
    from policyc.runtime.elements import Places
    from policyc.runtime.places import Mark

WORK: Final = 200_000
"""Evaluations of expressions for one condition, blocks of quantifiers and predicates included."""

MOST_PARTS: Final = 8
"""Parts of an observation: sides of an `or`, arguments of a call."""

MOST_SAMPLES: Final = 3
"""Models of a quantifier, elements of a list."""

MOST_RANGES: Final = 5
"""Pieces of the trace that one condition found."""

MOST_LEVELS: Final = 20
"""Expressions inside one another that are followed; nobody reads deeper ones."""

DEEPEST: Final = 4
"""Blocks inside one another that are followed."""


class Observer:
    """Observes the expressions of one file of a plan."""

    def __init__(self, interpreter: BudgetedInterpreter, source: Source) -> None:
        self.interpreter = interpreter
        self.source = source
        self.near_misses = NearMisses(interpreter)
        self.depth = 0
        self.level = 0

    # --- blocks

    def binding(
        self, block: p.Block, frame: Frame, only: Callable[[int], bool] | None = None
    ) -> tuple[Binding, dict[int, Observation]]:
        """A block under a frame that binds its loop variables, and each condition by its number.

        A loop without a variable counts as a condition that fails. Conditions for which `only` is
        false are left out.
        """
        frame = frame.unmarked().child()
        variables: list[Observation] = []
        conditions: dict[int, Observation] = {}
        for number, step in enumerate(block.steps):
            match step:
                case p.Check() if only is not None and not only(number):
                    pass
                case p.Check() if self.near_misses.by_need(step) and not _all_true(conditions):
                    conditions[number] = self._spared(step)
                case p.Check():
                    conditions[number] = self._checked(block, number, frame)
                case p.Bind(variable=name):
                    found = self._assigned(step, frame)
                    if found.outcome is Outcome.VALUE:
                        variables.append(replace(found, text=name))
                    else:
                        conditions[number] = found
                case p.Scan(variable=name) | p.Each(variable=name):
                    if name in frame.values:
                        variables.append(self._bound(step, frame))
                    else:
                        conditions[number] = self._unbound(step, frame)
        return Binding(tuple(variables), tuple(conditions.values())), conditions

    def failure(self, block: p.Block, frame: Frame) -> Binding:
        """What an analysis saw of a candidate until a step of the block failed."""
        frame = frame.unmarked().child()
        variables: list[Observation] = []
        conditions: list[Observation] = []
        for number, step in enumerate(block.steps):
            if isinstance(step, p.Scan | p.Each) and step.variable in frame.values:
                variables.append(self._bound(step, frame))
            if isinstance(step, p.Scan) or not p.free_variables(step) <= frame.values.keys():
                continue
            match step:
                case p.Check():
                    found = self._checked(block, number, frame)
                case p.Bind():
                    found = self._assigned(step, frame)
                case p.Each() if step.variable not in frame.values:
                    found = self.value(step.source, frame)
                case p.Each():
                    continue
            if found.outcome is Outcome.VALUE:
                variables.append(found)
            else:
                conditions.append(found)
            if found.outcome is Outcome.ERROR:
                break
        return Binding(tuple(variables), tuple(conditions))

    def _checked(self, block: p.Block, number: int, frame: Frame) -> Observation:
        step = block.steps[number]
        assert isinstance(step, p.Check)  # noqa: S101  # tested by the callers
        self.interpreter.allow(WORK)
        seen = self.condition(step.condition, frame)
        return replace(seen, text=self.step_text(block, number))

    def _spared(self, step: p.Check) -> Observation:
        """A condition that an analysis would not come to, and that may be slow or have effects."""
        detail = "not tried, because a condition before it does not hold"
        text, line = self.text(step.condition), self.line(step.condition)
        return Observation(text, line, Outcome.UNKNOWN, detail=detail)

    def step_text(self, block: p.Block, number: int) -> str:
        """A step as the policy has it; the name of a tool pattern without its arguments."""
        step = block.steps[number]
        after = block.steps[number + 1] if number + 1 < len(block.steps) else None
        if (
            isinstance(step, p.Check)
            and isinstance(after, p.Check)
            and isinstance(step.condition, p.MatchTool)
            and isinstance(after.condition, p.MatchTool)
            and after.condition.arguments is not None
            and after.span == step.span
        ):
            whole = self.source.text[step.span.start : after.condition.arguments.span.start]
            return one_line(whole.rstrip("( \n"))
        return self.text(step.condition if isinstance(step, p.Check) else step)

    def text(self, node: p.PlanNode) -> str:
        """A piece of the policy in one line; of a block its head."""
        written = self.source.slice(node.span)
        head, *rest = written.splitlines() or [""]
        is_block = rest and any(isinstance(x, p.Quantified) for x in p.walk(node))
        if is_block or (rest and "#" in written):
            return one_line(f"{head} …")
        return one_line(written)

    def line(self, node: p.PlanNode) -> int:
        return self.source.position(node.span.start).line

    def _assigned(self, step: p.Bind, frame: Frame) -> Observation:
        """An assignment, and its variable bound in the frame."""
        self.interpreter.allow(WORK)
        found, value = self._seen(step.value, frame)
        if found.outcome is not Outcome.VALUE:
            return replace(found, text=self.text(step))
        place: Places = None
        with suppress(EvaluationError, Spent):
            place = self.interpreter.locate(step.value, frame)
        frame.bind(step.variable, value, place)
        return self._explained(found, step.value, value, frame)

    def _bound(self, step: p.Scan | p.Each, frame: Frame) -> Observation:
        name = step.variable
        return Observation(
            f"{name}: {step.domain}",
            self.line(step),
            Outcome.VALUE,
            shown(frame.values[name]),
            ranges=_ranges(_place(frame, name)),
        )

    def _unbound(self, step: p.Scan | p.Each, frame: Frame) -> Observation:
        """A variable that has no candidate."""
        text, line = self.text(step), self.line(step)
        if isinstance(step, p.Scan):
            detail = f"the trace has no {step.domain}"
            return Observation(text, line, Outcome.FALSE, detail=detail)
        self.interpreter.allow(WORK)
        source = self.value(step.source, frame)
        if source.outcome is Outcome.VALUE:
            detail = f"there is no value of the type {step.domain} in it"
            return Observation(text, line, Outcome.FALSE, detail=detail, parts=(source,))
        return Observation(text, line, source.outcome, parts=(source,))

    # --- expressions

    def condition(self, e: p.Expr, frame: Frame) -> Observation:
        """An expression that is taken for true or false."""
        found, value = self._seen(e, frame)
        if found.outcome is not Outcome.VALUE:
            return found
        holds = bool(value)
        if isinstance(e, p.MatchTool) and not holds:
            with suppress(EvaluationError, Spent):
                found = replace(
                    found, ranges=_ranges(mismatches.tool(self.interpreter, e, frame)[1])
                )
        return replace(
            found,
            outcome=Outcome.TRUE if holds else Outcome.FALSE,
            value=None if isinstance(value, bool) else found.value,
            detail=found.detail or reason(self.interpreter, e, frame, holds=holds),
        )

    def value(self, e: p.Expr, frame: Frame) -> Observation:
        """An expression that is a side of a condition."""
        found, value = self._seen(e, frame)
        if found.outcome is Outcome.VALUE and is_logical(e) and isinstance(value, bool):
            return self.condition(e, frame)
        return self._explained(found, e, value, frame)

    def _explained(self, found: Observation, e: p.Expr, value: Any, frame: Frame) -> Observation:
        """A value, with the reason where it is absent."""
        if value is not ABSENT:
            return found
        with suppress(EvaluationError, Spent):
            return replace(found, detail=mismatches.absence(self.interpreter, e, frame))
        return found

    def _seen(self, e: p.Expr, frame: Frame) -> tuple[Observation, Any]:
        """What an expression gives: a value, or an error, with what it follows from."""
        text, line = self.text(e), self.line(e)
        if not p.free_variables(e) <= frame.values.keys():
            missing = mismatches.names(sorted(p.free_variables(e) - frame.values.keys()))
            detail = f"not tried, because {missing} has no value"
            return Observation(text, line, Outcome.UNKNOWN, detail=detail), None
        asks = any(isinstance(x, p.Quantified | p.CallPredicate) for x in p.walk(e))
        probe = Frame(frame.values, frame.places, frame.coordinates, None if asks else [])
        value: Any = None
        outcome, detail = Outcome.VALUE, ""
        try:
            value = self.interpreter.eval(e, probe)
        except EvaluationError as error:
            outcome, detail = Outcome.ERROR, printable(error.message)
        except Spent:
            detail = "not evaluated, it takes too much work"
            return Observation(text, line, Outcome.UNKNOWN, detail=detail), None
        parts = self._followed(e, frame, holds=bool(value))
        if any(part.outcome is Outcome.ERROR for part in parts):
            detail = ""
        marks = probe.marks or []
        found = Observation(
            text,
            line,
            outcome,
            None if outcome is Outcome.ERROR else shown(value, self._focus(e, frame, marks)),
            detail,
            self._where(e, frame, marks if value else []),
            parts,
        )
        return found, value

    def _followed(self, e: p.Expr, frame: Frame, *, holds: bool) -> tuple[Observation, ...]:
        """The parts of an expression, down to some level."""
        self.level += 1
        try:
            return self._parts(e, frame, holds=holds) if self.level <= MOST_LEVELS else ()
        except (EvaluationError, Spent):
            return ()
        finally:
            self.level -= 1

    def _where(self, e: p.Expr, frame: Frame, marks: Sequence[Mark]) -> tuple[str, ...]:
        """The pieces that a condition found, or the place that a value was read from."""
        if marks and not isinstance(e, p.And | p.Or | p.Not | p.If):
            return tuple(map(printable, render_all(marks)[:MOST_RANGES]))
        with suppress(EvaluationError, Spent):
            return _ranges(self.interpreter.locate(e, frame))
        return ()

    def _focus(self, e: p.Expr, frame: Frame, marks: Sequence[Mark]) -> int:
        return marks[0][1] if marks and not is_logical(e) else 0

    def _parts(self, e: p.Expr, frame: Frame, *, holds: bool) -> tuple[Observation, ...]:
        """What the value of an expression follows from."""
        match e:
            case p.And(operands=operands) | p.Or(operands=operands):
                return self._operands(operands, frame, decides=isinstance(e, p.Or), holds=holds)
            case p.Not(operand=operand):
                seen = self.condition(operand, frame)
                # `x not in y` is one condition to its reader.
                return seen.parts if operand.span == e.span else (seen,)
            case p.If(condition=condition, then=then, otherwise=otherwise):
                test = self.condition(condition, frame)
                chosen = then if test.outcome is Outcome.TRUE else otherwise
                return (test, self.condition(chosen, frame))
            case p.CallPredicate():
                return self._predicate(e, frame, holds=holds)
            case p.Quantified():
                return self._quantified(e, frame, holds=holds)
            case p.CallFunction(args=(p.Map() as elements,)) if fold_of(e):
                return self._elements(elements, frame, decides=fold_of(e) == "any", holds=holds)
            case p.Flow() | p.MatchTool() | p.Declared() | p.Map():
                return ()
            case _:
                return self._sides(e, frame)

    def _operands(
        self, operands: Sequence[p.Expr], frame: Frame, *, decides: bool, holds: bool
    ) -> tuple[Observation, ...]:
        """The sides of `and` or `or` that decide: one of them, or all."""
        found: list[Observation] = []
        for operand in operands:
            seen = self.condition(operand, frame)
            if holds == decides:
                if (seen.outcome is Outcome.TRUE) == decides:
                    return (seen,)
            elif len(found) < MOST_PARTS:
                found.append(seen)
        return tuple(found)

    def _sides(self, e: p.PlanNode, frame: Frame) -> tuple[Observation, ...]:
        """The values that an operation works on, without those that the policy spells out."""
        if isinstance(e, p.GetMember | p.GetIndex | p.Var | p.Input | p.ConstantRef):
            return ()
        found: list[Observation] = []
        for child in p.children(e):
            if isinstance(child, p.FormatPart):
                child = child.value
            if not _is_worth_showing(child, self.source):
                continue
            seen = self.value(child, frame)  # type: ignore[arg-type]  # see above
            found.append(seen)
        return tuple(found[:MOST_PARTS])

    def _elements(
        self, e: p.Map, frame: Frame, *, decides: bool, holds: bool
    ) -> tuple[Observation, ...]:
        """Elements of a comprehension in `any` or `all`: the one that decides, or the first."""
        found: list[Observation] = []
        for inner in self.interpreter.items(e, frame.unmarked()):
            seen = self.condition(e.element, inner)
            value, place = inner.values[e.variable], _place(inner, e.variable)
            variable = Observation(
                e.variable, seen.line, Outcome.VALUE, shown(value), ranges=_ranges(place)
            )
            rest = (part for part in seen.parts if part.text != e.variable)
            seen = replace(seen, parts=(variable, *rest))
            if holds == decides:
                if (seen.outcome is Outcome.TRUE) == decides:
                    return (seen,)
            elif len(found) < MOST_SAMPLES:
                found.append(seen)
        return tuple(found)

    # --- quantifiers and predicates

    def _predicate(
        self, e: p.CallPredicate, frame: Frame, *, holds: bool
    ) -> tuple[Observation, ...]:
        """The parameters of a predicate, and what holds in its block or what does not."""
        predicate = self.interpreter.plan.predicates[e.index]
        inner = Frame()
        parameters = []
        for name, argument in zip(predicate.parameters, e.args, strict=True):
            value = self.interpreter.eval(argument, frame)
            inner.bind(name, value, self.interpreter.locate(argument, frame))
            place = _ranges(_place(inner, name))
            line = self.line(predicate)
            parameters.append(Observation(name, line, Outcome.VALUE, shown(value), ranges=place))
        if self.depth >= DEEPEST:
            return tuple(parameters)
        if not holds:
            return (*parameters, *self._nearest(predicate.block, inner))
        model = next(self.interpreter.models(predicate.block, inner.child()))
        binding, _ = self._inside(predicate.block, model)
        return (*parameters, *binding.variables, *binding.conditions)

    def _quantified(self, e: p.Quantified, frame: Frame, *, holds: bool) -> tuple[Observation, ...]:
        """The models that were counted, or the candidate that comes nearest to being one."""
        if self.depth >= DEEPEST:
            return ()
        if e.kind == "forall":
            return self._example(e, frame) if holds else self._counterexample(e, frame)
        minimum = None if e.minimum is None else self.interpreter.eval(e.minimum, frame)
        missing = 0 if minimum is None else minimum - count_of(self.interpreter, e, frame)
        if not holds and missing > 0:
            nearest = self._nearest(e.block, frame, missing)
            if nearest:
                return nearest
        models = islice(self.interpreter.counted(e, frame.unmarked()), MOST_SAMPLES)
        return tuple(self._counted(e, model) for model in list(models))

    def _counted(self, e: p.Quantified, model: Frame) -> Observation:
        """A model that a quantifier counted, in one line."""
        variables = self._inside(e.block, model, lambda _: False)[0].variables
        return Observation(
            ", ".join(x.text for x in variables),
            self.line(e),
            Outcome.VALUE,
            ", ".join(x.value or "" for x in variables),
            ranges=tuple(place for x in variables for place in x.ranges),
        )

    def _example(self, e: p.Quantified, frame: Frame) -> tuple[Observation, ...]:
        """A candidate of a `forall` that fits, as all do."""
        candidate = next(self.interpreter.models(e.block, frame.unmarked().child()), None)
        if candidate is None:
            return ()
        binding, _ = self._inside(e.block, candidate)
        return (*binding.variables, *binding.conditions)

    def _counterexample(self, e: p.Quantified, frame: Frame) -> tuple[Observation, ...]:
        """The first candidate of a `forall` that does not fit, and the first condition it fails."""
        candidates = self.interpreter.models(loops_of(e.block), frame.unmarked().child())
        for candidate in candidates:
            for number, step in enumerate(e.block.steps):
                if not isinstance(step, p.Check):
                    continue
                if not self.interpreter.eval(step.condition, candidate):
                    return self._failing(e.block, candidate, frozenset((number,)))
        return ()

    def _nearest(self, block: p.Block, frame: Frame, wanted: int = 1) -> tuple[Observation, ...]:
        """The binding of a block that comes nearest to a model, and the conditions that fail in it.

        Where there are so many, one of `wanted` bindings that fail in the same conditions.
        """
        search = self.near_misses.search(block, frame, WORK)
        self.interpreter.allow(WORK)
        if not search.near:
            return ()
        near = next((near for near in search.near if near.count >= wanted), search.near[0])
        return self._failing(block, near.frame, near.failed)

    def _failing(
        self, block: p.Block, frame: Frame, failed: frozenset[int]
    ) -> tuple[Observation, ...]:
        binding, conditions = self._inside(block, frame, failed.__contains__)
        return (
            *binding.variables,
            *(seen for number, seen in conditions.items() if number in failed),
        )

    def _inside(
        self, block: p.Block, frame: Frame, only: Callable[[int], bool] | None = None
    ) -> tuple[Binding, dict[int, Observation]]:
        """`binding` of a block inside the one that is observed."""
        self.depth += 1
        try:
            return self.binding(block, frame, only)
        finally:
            self.depth -= 1
            self.interpreter.allow(WORK)


def _all_true(conditions: Mapping[int, Observation]) -> bool:
    return all(seen.outcome is Outcome.TRUE for seen in conditions.values())


def _is_worth_showing(e: p.PlanNode, source: Source) -> bool:
    """Whether a side says more than the policy: no literal, but a name that stands for one."""
    if isinstance(e, p.Literal | p.ListOf | p.DictOf):
        written = source.slice(e.span)
        return written.isidentifier() and written not in ("None", "True", "False")
    return not isinstance(e, p.FunctionRef)


def _place(frame: Frame, name: str) -> Places:
    value = frame.values.get(name)
    return value.place if isinstance(value, TraceObject) else frame.places.get(name)


def _ranges(places: Places) -> tuple[str, ...]:
    return (place_text(places),) if isinstance(places, tuple) else ()
