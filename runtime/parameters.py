"""Parameters of an analysis: which rules can do without one that is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler import plan as p
from policyc.runtime.failures import EvaluationError, MissingParameter
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame, Interpreter

if TYPE_CHECKING:
    from policyc.runtime.run import Run


def disable_rules(run: Run) -> None:
    """Rules that lack a parameter fail, unless a line above its use is false whatever the trace."""
    interpreter = Interpreter(run.plan, History([]), run.parameters, run.load, run.evaluation)
    disabled = set()
    for rule in run.plan.rules:
        if set(rule.parameters) <= run.parameters.keys():
            continue
        disabled.add(rule.index)
        if rule.index in run.waiting:
            run.waiting[rule.index] = []
        error = _missing(rule, interpreter)
        if error is not None:
            run.failed.append((rule, error, Frame()))
    run.disabled = frozenset(disabled)


def _missing(rule: p.RulePlan, interpreter: Interpreter) -> EvaluationError | None:
    """The error of a rule that lacks a parameter; None where a closed line above it is false."""
    frame = Frame()
    for step in rule.block.steps:
        names = [
            node.name
            for node in p.walk(step)
            if isinstance(node, p.Input) and node.name in rule.parameters and node.default is None
        ]
        for name in names:
            if name not in interpreter.parameters:
                span = next(
                    node.span
                    for node in p.walk(step)
                    if isinstance(node, p.Input) and node.name == name and node.default is None
                )
                return MissingParameter(str(name), span)
        if isinstance(step, p.Check) and not p.free_variables(step.condition):
            try:
                if not interpreter.eval(step.condition, frame):
                    return None
            except EvaluationError as error:
                return error
    # Used in the raised expression, in a constant or in a predicate.
    name = next(x for x in rule.parameters if x not in interpreter.parameters)
    return MissingParameter(name, rule.span)
