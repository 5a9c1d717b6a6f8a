"""From what a search found to a result: violations in order, one error for each rule that
failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.runtime.failures import EvaluationError
from policyc.runtime.history import History, ToolCounts
from policyc.runtime.interpreter import Frame, Interpreter
from policyc.runtime.matches import events_of, identity_of
from policyc.runtime.reports import model_of, nesting_order, rule_error, violation_of
from policyc.runtime.results import AnalysisResult, RuleError, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.compiler import plan as p
    from policyc.runtime.engine import Builder
    from policyc.runtime.matches import Match
    from policyc.runtime.run import Run


def result(run: Run, matches: Sequence[Match], build: Builder) -> AnalysisResult:
    """The result of some matches and of what failed.

    Violations are written out when they are looked at, except where that may fail, or where a
    monitor's trace may have grown by then and the rule asks about all of it.
    """
    engine = build.engine
    failed = errors(run) if run.has_failed else []
    is_whole = bool(engine.whole) and any(match[0] in engine.whole for match in matches)
    is_eager = is_whole and run.is_monitor
    if not is_eager and not (engine.eager and any(x[0] in engine.eager for x in matches)):
        if is_whole:
            run.keep_events()
            build.events = run.events
        return AnalysisResult(matches, build, failed)
    made: list[Any] = []
    for match in matches:
        try:
            made.append(build(match))
        except EvaluationError as error:
            rule = run.plan.rules[match[0]]
            failed.append(rule_error(run.plan, rule, error, {}))
    return AnalysisResult(made, None, _one_a_rule(failed))


def errors(run: Run) -> list[RuleError]:
    """One error for each rule that failed: of the first candidate."""
    plan = run.plan
    by_rule: dict[int, tuple[Any, p.RulePlan, EvaluationError, Frame]] = {}
    for rule, error, frame in run.failed:
        order = nesting_order(rule.block, frame)
        known = by_rule.get(rule.index)
        if known is None or order < known[0]:
            by_rule[rule.index] = (order, rule, error, frame)
    found = {
        index: rule_error(plan, rule, error, frame.values)
        for index, (_, rule, error, frame) in by_rule.items()
    }
    for index, exceeded in run.exceeded.items():
        found[index] = rule_error(plan, plan.rules[index], exceeded, {})
    return [found[index] for index in sorted(found)]


def write_out(match: Match, build: Builder) -> Violation:
    """The violation of a match, from the whole history for rules that ask about it, else from its
    own events."""
    engine, run = build.engine, build.run
    rule = engine.plan.rules[match[0]]
    if match[0] not in engine.whole:
        history = History(events_of(match), ToolCounts.of(build.tools))
    elif run is not None:
        history = run.history_with(events_of(match))
    else:
        history = History(build.events or [])
    if build.interpreter is None:
        evaluation = None if run is None else run.evaluation
        build.interpreter = Interpreter(
            engine.plan, history, build.parameters, engine.load, evaluation
        )
    build.interpreter.history = history
    model = build.models.get(identity_of(match))
    if model is None:
        model = model_of(rule, match, build.interpreter)
    return violation_of(rule, model, build.interpreter)


def _one_a_rule(found: list[RuleError]) -> list[RuleError]:
    kept: dict[tuple[str, str | None, int], RuleError] = {}
    for error in found:
        kept.setdefault((error.rule.name, error.rule.path, error.rule.line), error)
    return list(kept.values())
