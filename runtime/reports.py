"""From coordinates to what people read: violations with their ranges and arguments, errors with
their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.events import (
    Message,
    Tool,
    ToolCall,
    ToolOutput,
    shown,
    to_json,
)
from policyc.runtime.failures import EvaluationError
from policyc.runtime.interpreter import Frame, Interpreter, ViolationValue, object_marks
from policyc.runtime.places import SecretMark, render_all
from policyc.runtime.results import RuleError, Violation, json_bindings
from policyc.runtime.values import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.runtime.matches import Coordinate, Match, Spot


def bound_frame(rule: p.RulePlan, spots: Mapping[str, Spot], interpreter: Interpreter) -> Frame:
    """A frame with loop variables bound to spots, to evaluate the rule's block under; it collects
    marks."""
    frame = Frame(marks=[])
    domains = {step.variable: step for step in rule.block.steps if isinstance(step, p.Scan)}
    for name, spot in spots.items():
        if isinstance(spot, int):
            frame.coordinates[name] = spot
            continue
        coordinate = spot[:2]
        value, place = interpreter.history.object_at(domains[name].domain, coordinate)
        frame.bind(name, value, place, coordinate)
    return frame


def frame_before(step: p.Step, block: p.Block, frame: Frame) -> Frame:
    """The frame with what nested loops would have bound before a step; a search may bind more."""
    at = next(number for number, other in enumerate(block.steps) if other is step)
    later = {x.variable for x in block.steps[at:] if not isinstance(x, p.Check)}
    if later.isdisjoint(frame.values):
        return frame
    return Frame(
        {name: value for name, value in frame.values.items() if name not in later},
        coordinates={name: at for name, at in frame.coordinates.items() if name not in later},
    )


def nesting_order(block: p.Block, frame: Frame) -> list[Coordinate | int]:
    """A key that orders candidates as nested loops come to them."""
    return [
        frame.coordinates[step.variable]
        for step in block.steps
        if isinstance(step, p.Scan | p.Each) and step.variable in frame.coordinates
    ]


def model_of(rule: p.RulePlan, match: Match, interpreter: Interpreter) -> Frame:
    """The model of a match, with every variable bound and the marks of its conditions."""
    spots = dict(zip(rule.block.loop_variables(), match[1], strict=True))
    try:
        for model in interpreter.models(rule.block, bound_frame(rule, spots, interpreter)):
            return model
    except PolicycError:
        pass
    # Only reached where a condition answers differently the second time: a pattern that ran into
    # its time limit, an event that turned out to be malformed. The match stands.
    return _without_conditions(rule.block, bound_frame(rule, spots, interpreter), interpreter)


def _without_conditions(block: p.Block, frame: Frame, interpreter: Interpreter) -> Frame:
    """The frame with every variable bound, to None where that is not possible any more."""
    for step in block.steps:
        if isinstance(step, p.Check | p.Scan):
            continue
        at = frame.coordinates.get(step.variable)
        value, place = None, None
        try:
            if isinstance(step, p.Bind):
                value = interpreter.eval(step.value, frame)
            elif isinstance(at, int):
                _, value, place = interpreter.derived(step, frame)[at]
        except (PolicycError, IndexError):
            pass
        frame.bind(step.variable, value, place, at)
    return frame


def violation_of(rule: p.RulePlan, model: Frame, interpreter: Interpreter) -> Violation:
    """What the rule raises for a model.

    Raises:
        EvaluationError: the raised expression has no value.
    """
    value = interpreter.eval(rule.value, model.unmarked())
    kwargs: dict[str, Any] = {}
    if isinstance(value, ViolationValue):
        args = [to_json(arg) for arg in value.args]
        kwargs = {name: to_json(arg) for name, arg in value.kwargs.items() if name != "ranges"}
    elif isinstance(value, str):
        args = [value]
    else:
        args = [shown(to_json(None if value is ABSENT else value))]
    marks = model.marks or []
    ranges = render_all([*object_marks(rule.block, model), *marks])
    secrets = render_all(mark for mark in marks if isinstance(mark, SecretMark))
    return Violation(rule.ref, args, kwargs, ranges, _key(rule, model), rule.risk, secrets)


_IN_KEYS = (Message, ToolCall, ToolOutput, Tool)


def _key(rule: p.RulePlan, model: Frame) -> str:
    entries = []
    for name in sorted(rule.block.variables):
        value = model.values.get(name)
        entries.append(value.index if isinstance(value, _IN_KEYS) else -1)
    return repr((rule.index, tuple(entries)))


def rule_error(
    plan: p.Plan, rule: p.RulePlan, error: Exception, bindings: dict[str, Any]
) -> RuleError:
    """The error of a rule, with its place in the policy."""
    span = getattr(error, "span", None) or rule.span
    position = plan.sources[rule.source].position(span.start)
    cause = error.__cause__ if isinstance(error, EvaluationError) and error.__cause__ else error
    return RuleError(
        rule.ref, str(error), position.line, position.column, json_bindings(bindings), cause
    )
