"""Which conditions of a rule a search can use early, and which it must leave for the end.

The meaning of a rule is its steps run as nested loops (`plan.Block`). A search may look at a
condition earlier than that as long as nobody can tell: what is found, and which rules fail, must
stay the same. `schedule` sorts the checks of a rule into

- `alpha[v]`: depend on one trace variable, tested once for each object before it is remembered;
- `joins`: relate several trace variables and cannot fail;
- the *tail*: everything else. Where there is one, the whole block is run by the interpreter for
  each combination that the search did not rule out;
- `pretests`: the first checks of the tail, as far as they can be compiled; they spare the
  interpreter most combinations;
- `gates`: quantifiers that are kept as running counts: closed ones as one number, and those that
  ask about variables of their rule as one number for each combination of these (`keys`).

A rule is *late* when it asks about the whole trace (quantifiers, predicates with variables of their
own): what holds of it can change with every event, so its combinations are decided at the end and
again after each event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.compiler.expressions import Emitter, NotCompiled, VariableForm

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SUBSTITUTED = 200
"""Nodes of a condition after assigned names are put in place; larger ones go to the tail."""


@dataclass(slots=True)
class Gate:
    """A quantifier as a running count of the models (or, for `forall`, the failures) of its
    block; one for each combination of the variables `keys` of its rule, where it asks about some.
    """

    quantified: p.Quantified
    counter: int
    negated: bool
    keys: tuple[str, ...] = ()


@dataclass(slots=True)
class Schedule:
    rule: p.RulePlan
    scans: tuple[p.Scan, ...]
    alpha: dict[str, list[p.Expr]]
    joins: list[p.Expr] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    pretests: list[p.Expr] = field(default_factory=list)
    """Checks of the tail that are tried in code first: only where one is not false is it run."""
    has_tail: bool = False
    is_late: bool = False
    fallible: set[str] = field(default_factory=set)
    """Variables with conditions of their own that may fail."""
    needs_history: bool = False
    """Whether a failure of a condition can only be judged with events that did not match."""
    asks_about_past: bool = False
    """Whether the tail looks at events before those of the combination that it is run for."""
    may_end_early: bool = False
    """Whether a candidate may fail in the tail before all trace variables are needed."""
    takes_pretests: bool = False
    """While scheduling: whether the next check of the tail may be a pretest."""


def substitutions(block: p.Block) -> dict[str, p.Expr]:
    """The value of each assigned name, with earlier ones put in place; too large ones are left
    out."""
    known: dict[str, p.Expr] = {}
    for step in block.steps:
        if isinstance(step, p.Bind):
            value = substitute(step.value, known)
            if sum(1 for _ in p.walk(value)) <= MAX_SUBSTITUTED:
                known[step.variable] = value
    return known


def substitute(expression: p.Expr, known: dict[str, p.Expr]) -> p.Expr:
    """The expression with assigned names replaced by their values."""
    if not known or not (p.free_variables(expression) & known.keys()):
        return expression
    changed: p.Expr = p.rewrite(
        expression, lambda node: known.get(node.name, node) if isinstance(node, p.Var) else node
    )
    return changed


_MAY_ASK = frozenset({p.Quantified, p.Input, p.CallPredicate, p.ConstantRef})


class TraceDependence:
    """Which expressions ask about the whole trace, through predicates and constants as well."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.predicates: dict[int, bool] = {}
        self.constants: dict[int, bool] = {}

    def of(self, node: p.PlanNode) -> bool:
        return any(type(child) in _MAY_ASK and self._asks(child) for child in p.walk(node))

    def _asks(self, node: p.PlanNode) -> bool:
        match node:
            case p.Quantified() | p.Input(name=None | "data"):
                return True
            case p.CallPredicate(index=index):
                if index not in self.predicates:
                    self.predicates[index] = False
                    block = self.plan.predicates[index].block
                    self.predicates[index] = any(
                        isinstance(child, p.Scan) or self._asks(child) for child in p.walk(block)
                    )
                return self.predicates[index]
            case p.ConstantRef(index=index):
                if index not in self.constants:
                    self.constants[index] = False
                    self.constants[index] = self.of(self.plan.constants[index].value)
                return self.constants[index]
            case _:
                return False


class Scheduler:
    """Schedules the rules of a plan; `counters` collects the blocks that gates count."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.depends = TraceDependence(plan)
        self.counters: list[Schedule] = []

    def schedule(self, rule: p.RulePlan) -> Schedule:
        block = rule.block
        scans = tuple(step for step in block.steps if isinstance(step, p.Scan))
        result = Schedule(rule, scans, {scan.variable: [] for scan in scans})
        known = substitutions(block)
        trace_variables = set(result.alpha)
        emitter = Emitter({scan.variable: VariableForm.probe(scan.domain) for scan in scans})
        is_open = True
        """Whether later checks may still be used early: nothing before them is left that may fail.
        """
        result.takes_pretests = len(scans) > 1
        seen: set[str] = set()
        for step in block.steps:
            match step:
                case p.Scan(variable=name, domain=domain):
                    seen.add(name)
                    # The whole trace is its value.
                    result.is_late |= domain == ts.INPUT
                    result.may_end_early |= not is_open
                case p.Each():
                    result.has_tail = True
                    result.takes_pretests = False
                    result.is_late |= self.depends.of(step.source)
                    is_open = is_open and not _may_fail(emitter, substitute(step.source, known))
                case p.Bind(value=value):
                    substituted = substitute(value, known)
                    result.is_late |= self.depends.of(substituted)
                    if step.variable not in known or _may_fail(emitter, substituted):
                        result.has_tail = True
                        result.takes_pretests = False
                        is_open = False
                case p.Check(condition=condition):
                    is_open = self._check(
                        result,
                        substitute(condition, known),
                        emitter,
                        trace_variables,
                        seen,
                        is_open,
                    )
        return result

    def _check(
        self,
        result: Schedule,
        condition: p.Expr,
        emitter: Emitter,
        trace_variables: set[str],
        seen: set[str],
        is_open: bool,  # internal
    ) -> bool:
        """Put one check where it belongs; whether checks after it may still be used early."""
        if self.depends.of(condition):
            gate = self._gate(condition, result) if is_open else None
            if gate is not None:
                result.is_late = True
                result.gates.append(gate)
                return True
            if self._is_settled(condition, trace_variables):
                result.asks_about_past = True
            else:
                result.is_late = True
            result.has_tail = True
            result.takes_pretests = False
            return False
        free = p.free_variables(condition)
        code = None
        if (is_open or result.takes_pretests) and free and free <= trace_variables:
            try:
                code = emitter.condition(condition)
            except NotCompiled:
                code = None
        if code is None:
            result.has_tail = True
            result.takes_pretests = False
            return False
        if not is_open or (code.can_fail and len(free) > 1):
            result.has_tail = True
            if result.takes_pretests:
                result.pretests.append(condition)
            return False
        if len(free) == 1:
            (variable,) = free
            result.alpha[variable].append(condition)
            if code.can_fail:
                result.fallible.add(variable)
            if code.can_fail and len(trace_variables) > 1 and len(seen) > 1:
                result.needs_history = True
            return True
        result.joins.append(condition)
        return True

    def _is_settled(self, condition: p.Expr, trace_variables: set[str]) -> bool:
        """Whether events to come cannot change a condition: it counts what lies before variables of
        the rule."""
        while isinstance(condition, p.Not):
            condition = condition.operand
        if not isinstance(condition, p.Quantified) or condition.kind != "count":
            return False
        steps = condition.block.steps
        bounds = [x for x in (condition.minimum, condition.maximum) if x is not None]
        if any(map(self.depends.of, (*steps, *bounds))):
            return False
        flows = [
            (check.condition.left.name, check.condition.right.name)
            for check in steps
            if isinstance(check, p.Check)
            and isinstance(check.condition, p.Flow)
            and isinstance(check.condition.left, p.Var)
            and isinstance(check.condition.right, p.Var)
        ]
        settled = set(trace_variables)
        for _ in flows:
            settled |= {left for left, right in flows if right in settled}
        return all(step.variable in settled for step in steps if isinstance(step, p.Scan))

    def _gate(self, condition: p.Expr, result: Schedule) -> Gate | None:
        """The condition as a running count, where it is a quantifier over simple blocks."""
        negated = False
        while isinstance(condition, p.Not):
            negated, condition = not negated, condition.operand
        if not isinstance(condition, p.Quantified):
            return None
        for bound in (condition.minimum, condition.maximum):
            if bound is not None and not (
                isinstance(bound, p.Literal) and type(bound.value) is int
            ):
                return None
        free = p.free_variables(condition)
        keys = tuple(scan.variable for scan in result.scans if scan.variable in free)
        if len(keys) < len(free):
            return None
        if keys and any(gate.keys not in ((), keys) for gate in result.gates):
            return None
        schedule = self._counter(condition, keys, result)
        if schedule is None:
            return None
        self.counters.append(schedule)
        return Gate(condition, len(self.counters) - 1, negated, keys)

    def _counter(
        self, quantified: p.Quantified, keys: tuple[str, ...], outer: Schedule
    ) -> Schedule | None:
        """What to count: the models of the block, with the variables of the rule that it asks about
        as variables of its own."""
        block = quantified.block
        if any(self.depends.of(step) for step in block.steps):
            return None
        known = [scan for scan in outer.scans if scan.variable in keys]
        checks = [p.Check(condition) for name in keys for condition in outer.alpha[name]]
        block = p.Block((*known, *checks, *block.steps), (*keys, *block.variables))
        pseudo = p.RulePlan(-1, p.RuleRef("", None, 0), p.TRUE, block)
        schedule = self.schedule(pseudo)
        if schedule.has_tail or schedule.is_late or schedule.needs_history or not schedule.scans:
            return None
        if quantified.kind == "forall" and len(schedule.scans) != 1:
            return None
        if len(schedule.scans) == len(keys) or _can_fail(schedule):
            return None
        return schedule


def _can_fail(schedule: Schedule) -> bool:
    emitter = Emitter({scan.variable: VariableForm.probe(scan.domain) for scan in schedule.scans})
    conditions: Iterable[p.Expr] = (x for group in schedule.alpha.values() for x in group)
    return any(emitter.condition(condition).can_fail for condition in conditions)


def _may_fail(emitter: Emitter, value: p.Expr) -> bool:
    try:
        return emitter.emit(value).can_fail
    except NotCompiled:
        return True
