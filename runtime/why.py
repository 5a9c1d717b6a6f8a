"""Explains the rules of a policy on one trace.

Takes an engine, a trace and its parameters, gives an `Explanation`: for a rule that fired its
objects and conditions; for one that did not the binding that came nearest, the condition that was
in the way, and how many candidates came how far; for one that failed the step that has no value.
Whether a rule fired is the engine's answer; the rest is looked for within a fixed amount of work,
and a note says where that did not suffice.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler import plan as p
from policyc.grammar.diagnostics import PolicycError
from policyc.grammar.printable import printable
from policyc.runtime.budgeted import BudgetedInterpreter, Spent
from policyc.runtime.engine import Engine
from policyc.runtime.excerpts import one_line
from policyc.runtime.explanation import (
    Explanation,
    Failure,
    Model,
    RuleExplanation,
    Status,
    StepCount,
)
from policyc.runtime.failures import EvaluationError, LimitExceeded
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame
from policyc.runtime.limits import Limits
from policyc.runtime.matches import coordinates_of
from policyc.runtime.near_misses import Tally
from policyc.runtime.observations import Binding, Outcome
from policyc.runtime.observer import Observer
from policyc.runtime.reports import bound_frame, model_of, nesting_order, violation_of
from policyc.runtime.traces import check_trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.runtime.matches import Event, Match
    from policyc.runtime.near_misses import Near, Search
    from policyc.runtime.observations import Observation
    from policyc.runtime.run import Run

WORK: Final = 1_000_000
"""Evaluations of expressions that the search for near misses may take, for all rules together."""

LEAST_WORK: Final = 20_000
"""... but at least so many for each rule."""

SECONDS: Final = 5.0
"""Time for the analysis where the host sets no limit, and again for the explanations."""

MOST_MODELS: Final = 3
"""Violations and failed candidates of a rule that are shown."""

MOST_TRIED: Final = 1_000
"""Violations of a rule that are written out to see whether they can be."""

MOST_OTHERS: Final = 3
"""Further conditions that are named because they alone were in the way of another candidate."""


def explain(
    engine: Engine, events: list[Event], parameters: Mapping[str, Any], rule: str | int | None
) -> Explanation:
    """Why the rules of a policy fired on a trace or did not; with `rule` only that one.

    Raises:
        PolicycError: there is no such rule; the message lists those there are.
        TraceError: the trace is malformed.
    """
    chosen = choose(engine.plan, rule)
    check_trace(events)
    has_limits = engine.limits is not None
    if not has_limits:
        engine = Engine(
            engine.program, engine.load, limits=Limits(seconds=SECONDS), optimize=engine.optimize
        )
    run = engine.search(events, parameters)
    work = max(LEAST_WORK, WORK // max(1, len(chosen)))
    maker = _Maker(engine, run, events, work, has_limits=has_limits)
    return Explanation(tuple(map(maker.rule, chosen)))


def choose(plan: p.Plan, rule: str | int | None) -> list[int]:
    """The indexes of the rules that are meant: by name, part of a name, number from 1, or line.

    Raises:
        PolicycError: none is, or several are.
    """
    rules = plan.rules
    if rule is None:
        return [known.index for known in rules]
    written = str(rule).strip()
    found = [known.index for known in rules if known.ref.name == written]
    if not found and written.isdecimal() and 1 <= int(written) <= len(rules):
        return [int(written) - 1]
    if not found:
        found = _on_line(plan, written)
    if not found and written:
        part = written.casefold()
        found = [known.index for known in rules if part in known.ref.name.casefold()]
    if len(found) == 1:
        return found
    what = f"`{written}` is the name of several rules" if found else f"there is no rule `{written}`"
    listed = [rules[index] for index in found] or rules
    lines = "".join(
        f"\n  {x.index + 1}  {x.ref.name} ({x.ref.path or 'line'}:{x.ref.line})" for x in listed
    )
    raise PolicycError(f"{what}; name one by its number, name or line:{lines}")


def _on_line(plan: p.Plan, written: str) -> list[int]:
    """The rules that `LINE`, `:LINE` or `PATH:LINE` lies in."""
    path, _, number = written.rpartition(":")
    if not number.isdecimal():
        return []
    found = []
    for rule in plan.rules:
        source = plan.sources[rule.source]
        if path and source.path != path:
            continue
        first = source.position(rule.span.start).line
        if first <= int(number) <= source.position(rule.span.end).line:
            found.append(rule.index)
    return found


class _Maker:
    """Explains rules of one analysis."""

    def __init__(
        self, engine: Engine, run: Run, events: list[Event], work: int, *, has_limits: bool
    ) -> None:
        self.engine = engine
        self.run = run
        self.work = work
        self.has_limits = has_limits
        self.interpreter = BudgetedInterpreter(
            engine.plan, History(events), run.parameters, engine.load, monotonic() + SECONDS
        )
        self.plan = self.interpreter.plan

    def rule(self, index: int) -> RuleExplanation:
        """Why one rule did what it did."""
        rule = self.plan.rules[index]
        observer = Observer(self.interpreter, self.plan.sources[rule.source])
        models, violations, unraised = self._models(observer, rule)
        failures, number = self._failures(observer, rule)
        failures += unraised
        number += len(unraised)
        exceeded = self.run.exceeded.get(index)
        is_undecided = isinstance(exceeded, LimitExceeded) and not self.has_limits
        notes = []
        if exceeded is not None and not is_undecided:
            failures.append(Failure(printable(str(exceeded)), rule.ref.line, Binding((), ())))
        if is_undecided:
            notes.append(f"the analysis was stopped after {SECONDS:g} seconds")
        if number > len(failures):
            notes.append(f"{number - len(failures)} more candidates failed")
        status = Status.NOT_FIRED
        if violations:
            status = Status.FIRED
        elif failures:
            status = Status.FAILED
        elif is_undecided:
            status = Status.UNDECIDED
        about = RuleExplanation(
            rule.ref.name,
            rule.ref.path,
            rule.ref.line,
            index + 1,
            status,
            violations,
            models,
            failures=tuple(failures[:MOST_MODELS]),
            notes=tuple(notes),
        )
        return about if violations or failures else self._near_miss(observer, rule, about)

    def _models(
        self, observer: Observer, rule: p.RulePlan
    ) -> tuple[tuple[Model, ...], int, list[Failure]]:
        """The first models of a rule, how many there are, and those that cannot be raised."""
        matches = sorted(
            (match for match in self.run.found if match[0] == rule.index), key=coordinates_of
        )
        models: list[Model] = []
        failures: list[Failure] = []
        may_fail = rule.index in self.engine.eager
        for match in matches[: MOST_TRIED if may_fail else MOST_MODELS]:
            frame = self._frame(rule, match)
            self.interpreter.allow(self.work)
            try:
                message = one_line(str(violation_of(rule, frame, self.interpreter)))
            except EvaluationError as error:
                failures.append(self._failure(observer, rule, error, frame))
                continue
            except Spent:
                message = ""
            if len(models) < MOST_MODELS:
                models.append(Model(message, observer.binding(rule.block, frame)[0]))
        return tuple(models), len(matches) - len(failures), failures

    def _frame(self, rule: p.RulePlan, match: Match) -> Frame:
        """The variables of a match."""
        self.interpreter.allow(self.work)
        try:
            return model_of(rule, match, self.interpreter)
        except (EvaluationError, Spent):
            # A host's function answered differently this time, or there is no time left.
            spots = zip(rule.block.loop_variables(), match[1], strict=True)
            return bound_frame(rule, dict(spots), self.interpreter)

    def _failures(self, observer: Observer, rule: p.RulePlan) -> tuple[list[Failure], int]:
        """Candidates that failed, the first on each line, and how many there are."""
        failed = [(error, frame) for x, error, frame in self.run.failed if x.index == rule.index]
        failed.sort(key=lambda failure: nesting_order(rule.block, failure[1]))
        first: dict[int, Failure] = {}
        for error, frame in failed[:MOST_TRIED]:
            if len(first) < MOST_MODELS and self._line(rule, error) not in first:
                first[self._line(rule, error)] = self._failure(observer, rule, error, frame)
        return list(first.values()), len(failed)

    def _line(self, rule: p.RulePlan, error: EvaluationError) -> int:
        span = error.span or rule.span
        return self.plan.sources[rule.source].position(span.start).line

    def _failure(
        self, observer: Observer, rule: p.RulePlan, error: EvaluationError, frame: Frame
    ) -> Failure:
        line = self._line(rule, error)
        return Failure(printable(str(error)), line, observer.failure(rule.block, frame))

    def _near_miss(
        self, observer: Observer, rule: p.RulePlan, about: RuleExplanation
    ) -> RuleExplanation:
        """The explanation of a rule without violations: what came nearest, what was in the way."""
        block = rule.block
        search = observer.near_misses.search(block, Frame(), self.work)
        about = replace(
            about,
            counts=_step_counts(observer, block, search),
            notes=(*about.notes, *search.notes),
        )
        if not search.near:
            return about
        near = search.near[0]
        nearest, conditions = observer.binding(block, near.frame)
        failed = _with(conditions, Outcome.FALSE, Outcome.ERROR)
        blamed = near.failed & failed or near.failed or failed
        about = replace(about, nearest=nearest)
        if not blamed:
            return about
        culprit = search.culprit(blamed)
        return replace(
            about,
            culprit=conditions[culprit],
            is_alone=len(failed) == 1 and isinstance(block.steps[culprit], p.Check),
            others=_others(observer, block, search.near[1:]),
        )


def _with(conditions: Mapping[int, Observation], *outcomes: Outcome) -> frozenset[int]:
    """The numbers of the conditions that came out so."""
    return frozenset(number for number, seen in conditions.items() if seen.outcome in outcomes)


def _step_counts(observer: Observer, block: p.Block, search: Search) -> tuple[StepCount, ...]:
    counts = []
    for number in search.order:
        step = block.steps[number]
        if isinstance(step, p.Bind):
            continue
        tally = search.tallies.get(number, Tally())
        is_variable = isinstance(step, p.Scan | p.Each)
        text = observer.step_text(block, number)
        if isinstance(step, p.Scan | p.Each):
            text = f"{step.variable}: {step.domain}"
        counts.append(
            StepCount(text, observer.line(step), tally.reached, tally.passed, is_variable)
        )
    return tuple(counts)


def _others(observer: Observer, block: p.Block, near: list[Near]) -> tuple[Observation, ...]:
    """The conditions that alone were in the way of other bindings."""
    found = []
    for miss in near[:MOST_OTHERS]:
        conditions = observer.binding(block, miss.frame)[1]
        failed = _with(conditions, Outcome.FALSE, Outcome.ERROR)
        if len(failed) == 1:
            found.append(conditions[min(failed)])
    return tuple(found)
