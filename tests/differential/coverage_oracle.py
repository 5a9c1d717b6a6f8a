"""What coverage must say, found out by brute force.

Nothing is shared with the counter but the plan and the meaning of a single expression. For each
step of a block all combinations of objects are tried, without any pruning; whether a combination
comes to the step is found out by evaluating each line above it alone and anew; where a block is
left early (a predicate that holds, a bound that is reached) is found out afterwards, from the
order in which nested loops would come to things. Inside of an expression each part is evaluated
alone to see which of the others are needed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.compiler.signatures import FunctionKind
from policyc.runtime.elements import elements, find_values
from policyc.runtime.events import ToolCall, ToolOutput
from policyc.runtime.failures import EvaluationError
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame, Interpreter, PatternInFrame
from policyc.runtime.traces import arguments_of
from policyc.runtime.values import ABSENT
from policyc.runtime.wildcards import wildcard_match

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyc.runtime.engine import Engine
    from tests.differential.trace_makers import Event

MOST_WORK = 400_000
"""Evaluations for one trace; a case that needs more is left out."""

FAILED = object()
"""In place of the value of an expression that has none."""

IN_ORDER = ("find", "match")
"""Functions whose arguments are evaluated in the order of their parameters."""

Key = tuple[str, int]
"""What was seen (`condition`, `name`, `value`, `key 0`, `min`, `max`, `forall`), and the identity
of its node."""


class TooMuch(Exception):
    """Trying everything would take too long."""


@dataclass(slots=True)
class Outcomes:
    """How often each thing came out true, came out false, and failed."""

    counts: dict[Key, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    texts: dict[Key, str] = field(default_factory=dict)

    def note(self, what: str, node: p.PlanNode, value: Any) -> None:
        self.counts[what, id(node)][2 if value is FAILED else 0 if value else 1] += 1
        self.texts[what, id(node)] = f"{what} {node!r} at {node.span}"


Moment = tuple[tuple[int, int], ...]
"""When nested loops come to something: for each loop around it its line and the number of the
candidate, then its own line and -1."""


@dataclass(slots=True)
class Visit:
    """A step that is come to, or a model where `step` is None."""

    moment: Moment
    step: p.Step | None
    frame: Frame
    holds: bool = True
    """Of a check."""
    has_failed: bool = False


class CoverageOracle:
    """Counts what one analysis sees."""

    def __init__(
        self, engine: Engine, plan: p.Plan, events: list[Event], parameters: Mapping[str, Any]
    ) -> None:
        self.plan = plan
        self.history = History(events)
        self.interpreter = Interpreter(plan, self.history, parameters, engine.load)
        self.outcomes = Outcomes()
        self.constants: set[int] = set()
        self.work = 0

    def run(self, parameters: Mapping[str, Any]) -> Outcomes:
        for rule in self.plan.rules:
            if set(rule.parameters) <= parameters.keys():
                self._rule(rule)
        return self.outcomes

    def _rule(self, rule: p.RulePlan) -> None:
        for visit in sorted(self._visits(rule.block, Frame()), key=lambda x: x.moment):
            if visit.step is None:
                self._value(rule.value, visit.frame)
            else:
                self._step(visit)

    # --- blocks

    def _visits(self, block: p.Block, outer: Frame) -> list[Visit]:
        """Whatever of a block is come to if nothing ends it early."""
        visits = []
        for number in range(len(block.steps) + 1):
            for moment, frame in self._combinations(block, number, outer):
                if not self._passes(block, number, frame):
                    continue
                here = (*moment, (number, -1))
                if number == len(block.steps):
                    visits.append(Visit(here, None, frame))
                    continue
                step = block.steps[number]
                value = self._outcome(step, frame)
                failed = value is FAILED or (
                    isinstance(step, p.Each) and self._candidates(step, frame) is None
                )
                visits.append(Visit(here, step, frame, bool(value), failed))
        return visits

    def _combinations(
        self, block: p.Block, number: int, outer: Frame
    ) -> Iterator[tuple[Moment, Frame]]:
        """All objects for the variables above a step, whatever the other lines say of them."""
        found: list[tuple[Moment, Frame]] = [((), self._frame(outer))]
        for at, step in enumerate(block.steps[:number]):
            wider = []
            for moment, frame in found:
                self._spend()
                if isinstance(step, p.Bind):
                    value = self._alone(step.value, frame)
                    wider.append((moment, self._frame(frame, step.variable, value)))
                elif isinstance(step, p.Check):
                    wider.append((moment, frame))
                else:
                    for index, value in enumerate(self._candidates(step, frame) or []):
                        more = self._frame(frame, step.variable, value)
                        wider.append(((*moment, (at, index)), more))
            found = wider
        yield from found

    def _candidates(self, step: p.Scan | p.Each, frame: Frame) -> list[Any] | None:
        if isinstance(step, p.Scan):
            return [value for _, value, _ in self.history.objects(step.domain)]
        value = self._alone(step.source, frame)
        if value is FAILED:
            return None
        try:
            return [item for item, _ in find_values(step.domain, value, None)]
        except EvaluationError:
            return None

    def _passes(self, block: p.Block, number: int, frame: Frame) -> bool:
        """Whether a combination gets to a step: each line above it holds, or has a value."""
        for step in block.steps[:number]:
            value = self._outcome(step, frame)
            if value is FAILED or (isinstance(step, p.Check) and not value):
                return False
        return True

    def _outcome(self, step: p.Step, frame: Frame) -> Any:
        match step:
            case p.Check(condition=e) | p.Bind(value=e) | p.Each(source=e):
                return self._alone(e, frame)
            case p.Scan():
                return True

    def _step(self, visit: Visit) -> None:
        match visit.step:
            case p.Check(condition=e):
                self._condition(e, visit.frame)
            case p.Bind(value=e) | p.Each(source=e):
                self._value(e, visit.frame)
            case _:
                pass

    def _until(self, visits: list[Visit], last: Visit | None) -> None:
        """Look into what is come to until a block is left."""
        for visit in visits:
            self._step(visit)
            if visit is last:
                break

    def _exists(self, block: p.Block, frame: Frame) -> None:
        """The block of a predicate: left with its first model, or its first failure."""
        visits = sorted(self._visits(block, frame), key=lambda x: x.moment)
        last = next((x for x in visits if x.step is None or x.has_failed), None)
        self._until(visits, last)

    def _counted(self, e: p.Quantified, frame: Frame) -> None:
        least, most = (
            None if bound is None else self._alone(bound, frame) for bound in (e.minimum, e.maximum)
        )
        for bound in (e.minimum, e.maximum):
            if bound is not None:
                self._value(bound, frame)
                if self._alone(bound, frame) is FAILED:
                    self._bounds(e, FAILED, FAILED)
                    return
        visits = sorted(self._visits(e.block, frame), key=lambda x: x.moment)
        numbers = count(1)
        found = 0
        for visit in visits:
            self._step(visit)
            is_settled = most is None and (least is None or found >= least)
            if visit.has_failed and not is_settled:
                self._bounds(e, FAILED, FAILED)
                return
            if visit.step is None:
                found = next(numbers)
                if most is not None and found > most:
                    self._bounds(e, None if least is None or found < least else True, False)
                    return
                if most is None and (least is None or found >= least):
                    break
        self._bounds(e, None if least is None else found >= least, True)

    def _bounds(self, e: p.Quantified, enough: Any, few: Any) -> None:
        if e.minimum is not None and enough is not None:
            self.outcomes.note("min", e, enough)
        if e.maximum is not None:
            self.outcomes.note("max", e, few)

    def _forall(self, e: p.Quantified, frame: Frame) -> None:
        visits = sorted(self._visits(e.block, frame), key=lambda x: x.moment)
        steps = e.block.steps
        for visit in visits:
            self._step(visit)
            if visit.has_failed:
                self.outcomes.note("forall", e, FAILED)
                return
            if isinstance(visit.step, p.Check) and not visit.holds:
                line = visit.moment[-1][0]
                rest = [x for x in steps[line:] if isinstance(x, p.Scan)]
                if all(self._candidates(scan, visit.frame) for scan in rest):
                    self.outcomes.note("forall", e, False)
                    return
        self.outcomes.note("forall", e, True)

    # --- expressions

    def _spend(self) -> None:
        self.work += 1
        if self.work > MOST_WORK:
            raise TooMuch

    def _alone(self, e: p.Expr, frame: Frame) -> Any:
        """The value of an expression by itself."""
        self._spend()
        try:
            return self.interpreter.eval(e, self._frame(frame))
        except EvaluationError:
            return FAILED
        except KeyError:
            # A variable that has no value because its own line has failed.
            return FAILED

    def _frame(self, frame: Frame, name: str | None = None, value: Any = None) -> Frame:
        known = dict(frame.values)
        if name is not None and value is not FAILED:
            known[name] = value
        return Frame(known)

    def _condition(self, e: p.Expr, frame: Frame) -> None:
        """An expression that is evaluated for its truth."""
        inner = e
        while isinstance(inner, p.Not):
            inner = inner.operand
        if not isinstance(inner, p.MatchTool | p.Quantified):
            self.outcomes.note("condition", e, self._alone(e, frame))
        self._parts(inner, frame, is_condition=True)

    def _value(self, e: p.Expr, frame: Frame) -> None:
        """An expression that is evaluated for its value."""
        named = p.Var | p.Input | p.GetMember | p.GetIndex | p.Literal | p.ConstantRef | p.Declared
        if e.type == ts.BOOL and not isinstance(e, named):
            self._condition(e, frame)
        else:
            self._parts(e, frame, is_condition=False)

    def _parts(self, e: p.Expr, frame: Frame, *, is_condition: bool) -> None:
        """The parts of an expression that are evaluated with it."""
        match e:
            case p.And(operands=operands) | p.Or(operands=operands):
                for number, operand in enumerate(operands):
                    if is_condition or number < len(operands) - 1:
                        self._condition(operand, frame)
                    else:
                        self._value(operand, frame)
                    value = self._alone(operand, frame)
                    if value is FAILED or bool(value) == isinstance(e, p.Or):
                        break
            case p.If(condition=condition, then=then, otherwise=otherwise):
                self._condition(condition, frame)
                value = self._alone(condition, frame)
                if value is not FAILED:
                    side = then if value else otherwise
                    (self._condition if is_condition else self._value)(side, frame)
            case p.Not():
                self._condition(e.operand, frame)
            case p.Map():
                self._map(e, frame)
            case p.ConstantRef(index=index):
                if index not in self.constants:
                    value = self.plan.constants[index].value
                    self._value(value, Frame())
                    if self._alone(value, Frame()) is not FAILED:
                        self.constants.add(index)
            case p.CallPredicate(index=index, args=args):
                if self._all(args, frame):
                    predicate = self.plan.predicates[index]
                    values = [self._alone(arg, frame) for arg in args]
                    given = dict(zip(predicate.parameters, values, strict=True))
                    self._exists(predicate.block, Frame(given))
            case p.Quantified():
                (self._forall if e.kind == "forall" else self._counted)(e, frame)
            case p.MatchTool():
                self._tool(e, frame)
            case p.PatternValue():
                pass
            case p.CallMethod(value=owner, args=args, keywords=keywords):
                self._value(owner, frame)
                value = self._alone(owner, frame)
                if value is not FAILED and value is not None and value is not ABSENT:
                    self._all((*args, *(arg for _, arg in keywords)), frame)
            case p.CallFunction():
                self._call(e, frame)
            case p.Cmp(left=left, right=right) if self._all((left, right), frame):
                pattern = self._alone(right, frame)
                if e.operator == "is" and isinstance(pattern, PatternInFrame):
                    subject, value = pattern.pattern.subject, self._alone(left, frame)
                    self._value(pattern.pattern.test, self._frame(pattern.frame, subject, value))
            case p.Cmp():
                pass
            case _:
                parts = (x.value if isinstance(x, p.FormatPart) else x for x in p.children(e))
                self._all(tuple(parts), frame)

    def _all(self, parts: tuple[Any, ...], frame: Frame) -> bool:
        """Values from left to right, as long as there are any; whether all are there."""
        for part in parts:
            self._value(part, frame)
            if self._alone(part, frame) is FAILED:
                return False
        return True

    def _map(self, e: p.Map, frame: Frame) -> None:
        self._value(e.source, frame)
        source = self._alone(e.source, frame)
        if source is FAILED:
            return
        try:
            found = [item for item, _ in elements(source, None)]
        except EvaluationError:
            return
        for item in found:
            inner = self._frame(frame, e.variable, item)
            if e.condition is not None:
                self._condition(e.condition, inner)
                holds = self._alone(e.condition, inner)
                if holds is FAILED:
                    return
                if not holds:
                    continue
            self._value(e.element, inner)
            if self._alone(e.element, inner) is FAILED:
                return

    def _call(self, e: p.CallFunction, frame: Frame) -> None:
        given = dict(e.keywords)
        args = (*e.args, *given.values())
        if e.signature.kind is FunctionKind.SPECIAL and e.signature.name in IN_ORDER:
            names = [x.name for x in e.signature.parameters][len(e.args) :]
            args = (*e.args, *(given[name] for name in names if name in given))
            self._value(args[0], frame)
            pattern = self._alone(args[0], frame)
            if isinstance(pattern, str):
                self._value(args[1], frame)
            return
        self._all(args, frame)

    # --- tool patterns

    def _tool(self, e: p.MatchTool, frame: Frame) -> None:
        self._value(e.value, frame)
        value = self._alone(e.value, frame)
        if value is FAILED:
            self.outcomes.note("name", e, FAILED)
            return
        call = self.history.call_of(value) if isinstance(value, ToolOutput) else value
        name = call.data["function"]["name"] if isinstance(call, ToolCall) else None
        if e.wildcard:
            is_named = isinstance(name, str) and wildcard_match(e.name, name)
        else:
            is_named = name == e.name
        self.outcomes.note("name", e, is_named)
        if is_named and e.arguments is not None:
            self._pattern(e.arguments, arguments_of(call.data["function"]), frame, is_top=True)

    def _pattern(self, pattern: p.Pattern, value: Any, frame: Frame, *, is_top: bool) -> bool | Any:
        """Whether a value fits a pattern; FAILED where that has no answer."""
        fits: Any
        match pattern:
            case p.AnyValue():
                return True
            case p.DictPattern(keys=keys, values=entries):
                fits = isinstance(value, dict)
                for number, key in enumerate(keys):
                    if fits is not True:
                        break
                    fits = key in value
                    self.outcomes.note(f"key {number}", pattern, fits)
                    if fits:
                        fits = self._pattern(entries[number], value[key], frame, is_top=False)
            case p.ListPattern(items=items):
                fits = isinstance(value, list) and len(value) == len(items)
                for number, item in enumerate(items):
                    if fits is not True:
                        break
                    fits = self._pattern(item, value[number], frame, is_top=False)
            case p.EqualValue(value=e):
                self._value(e, frame)
                fits = self._matches(pattern, value, frame)
            case _:
                fits = self._matches(pattern, value, frame)
        if not (is_top and isinstance(pattern, p.DictPattern)):
            self.outcomes.note("value", pattern, fits)
        return fits

    def _matches(self, pattern: p.Pattern, value: Any, frame: Frame) -> Any:
        try:
            return self.interpreter.matches(pattern, value, self._frame(frame))
        except EvaluationError:
            return FAILED
