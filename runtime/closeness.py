"""How far a false condition is from being true, and how much a true one says.

Rough numbers that order near misses: of two bindings that fail in as many conditions, the one is
shown that fails by less, and satisfies what seldom holds by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policyc.compiler import plan as p
from policyc.compiler.signatures import FunctionKind
from policyc.compiler.spelling import closest
from policyc.runtime import values
from policyc.runtime.budgeted import Spent
from policyc.runtime.events import ToolCall, ToolOutput
from policyc.runtime.failures import EvaluationError
from policyc.runtime.interpreter import Frame
from policyc.runtime.traces import arguments_of
from policyc.runtime.values import ABSENT

if TYPE_CHECKING:
    from policyc.runtime.budgeted import BudgetedInterpreter

NEAR: Final = 0.5
"""A value that is nearly the wanted one: a similar name, other upper and lower case."""

FAR: Final = 1.0

MISSING: Final = 1.5
"""There is no value: the object is hardly of the kind that was meant."""

_LONGEST: Final = 200
"""Characters of texts that are compared letter by letter."""


def distance(interpreter: BudgetedInterpreter, e: p.Expr, frame: Frame) -> float:
    """How far a condition is from being true: 0 where it is, about 1 for each part that fails."""
    try:
        return 0.0 if interpreter.eval(e, frame) else _distance(interpreter, e, frame)
    except (EvaluationError, KeyError):
        return MISSING
    except Spent:
        return FAR


def _distance(interpreter: BudgetedInterpreter, e: p.Expr, frame: Frame) -> float:
    match e:
        case p.And(operands=operands):
            return sum(distance(interpreter, operand, frame) for operand in operands)
        case p.Or(operands=operands):
            return min(distance(interpreter, operand, frame) for operand in operands)
        case p.CallPredicate():
            return _of_predicate(interpreter, e, frame)
        case p.MatchTool():
            return _of_tool(interpreter, e, frame)
        case p.CallFunction(args=(p.CallFunction() as inner,)):
            return _distance(interpreter, inner, frame)
        case p.CallFunction(args=args):
            found = [interpreter.eval(arg, frame) for arg in args]
            return MISSING if any(map(_is_nothing, found)) else FAR
        case p.Cmp(operator=operator, left=left, right=right):
            sides = interpreter.eval(left, frame), interpreter.eval(right, frame)
            return _between(operator, *sides)
        case _:
            return FAR


def _of_predicate(interpreter: BudgetedInterpreter, e: p.CallPredicate, frame: Frame) -> float:
    """The sum for the conditions of a block without loops."""
    predicate = interpreter.plan.predicates[e.index]
    inner = Frame()
    for name, argument in zip(predicate.parameters, e.args, strict=True):
        inner.bind(name, interpreter.eval(argument, frame), None)
    total = 0.0
    for step in predicate.block.steps:
        match step:
            case p.Scan() | p.Each():
                return FAR
            case p.Bind(variable=name, value=value):
                inner.bind(name, interpreter.eval(value, inner), None)
            case p.Check(condition=condition):
                far = distance(interpreter, condition, inner)
                total += far + weight(condition) if far else 0.0
    return total


def _of_tool(interpreter: BudgetedInterpreter, e: p.MatchTool, frame: Frame) -> float:
    value = interpreter.eval(e.value, frame)
    call = interpreter.history.call_of(value) if isinstance(value, ToolOutput) else value
    if not isinstance(call, ToolCall):
        return MISSING
    function = values.member(call, "function")
    name = values.member(function, "name")
    if not interpreter.eval(p.MatchTool(e.value, e.name, e.wildcard), frame):
        return NEAR if isinstance(name, str) and closest(e.name, (name,)) else FAR
    return _of_arguments(interpreter, e.arguments, arguments_of(function.data), frame)


def _of_arguments(
    interpreter: BudgetedInterpreter, pattern: p.Pattern | None, value: Any, frame: Frame
) -> float:
    """Less, the more of the keys of a pattern fit."""
    if not isinstance(pattern, p.DictPattern) or not isinstance(value, dict):
        return FAR
    fit = similar = 0
    for key, entry in zip(pattern.keys, pattern.values, strict=True):
        if key in value:
            fit += interpreter.matches(entry, value[key], frame)
            similar += 1
        else:
            similar += closest(key, [str(name) for name in value]) is not None
    total = 2 * len(pattern.keys)
    return MISSING - (fit + similar) / total if total else FAR


def _is_nothing(value: Any) -> bool:
    return value is None or value is ABSENT


def _between(operator: str, left: Any, right: Any) -> float:
    if operator != "!=" and (_is_nothing(left) or _is_nothing(right)):
        return MISSING
    if isinstance(left, str) and isinstance(right, str):
        is_near = left.casefold() in right.casefold() if operator == "in" else _alike(left, right)
        return NEAR if is_near else FAR
    if isinstance(left, int | float) and isinstance(right, int | float):
        return NEAR if abs(left - right) <= 1 else FAR
    return FAR


def _alike(left: str, right: str) -> bool:
    if left.casefold() == right.casefold():
        return True
    if len(left) + len(right) > _LONGEST:
        return False
    return closest(left, (right,)) is not None


def weight(e: p.Expr) -> float:
    """How much it says that a condition holds, by its form: a flow little, a text much."""
    match e:
        case p.Not():
            return 0.0
        case p.And(operands=operands):
            return sum(map(weight, operands))
        case p.Or(operands=operands):
            return min(map(weight, operands))
        case p.Flow(immediate=immediate):
            return 1.0 if immediate else 0.0
        case p.MatchTool(arguments=arguments):
            return 1.0 if arguments is None else 2.0
        case p.Cmp(operator=operator, left=left, right=right):
            return _weight_of_comparison(operator, left, right)
        case p.CallFunction(signature=signature):
            is_search = signature.kind is FunctionKind.DETECTOR or signature.name in _SEARCHES
            if is_search:
                return 2.0
            return max((weight(arg) for arg in e.args), default=1.0)
        case p.Map(element=element):
            return weight(element)
        case _:
            return 1.0


_SEARCHES = ("find", "match")


def _weight_of_comparison(operator: str, left: p.Expr, right: p.Expr) -> float:
    if operator not in ("==", "is", "in"):
        return 0.5
    for side in (left, right):
        if isinstance(side, p.GetMember) and side.name == "role":
            return 0.5
        if isinstance(side, p.GetMember) and side.name == "name":
            return 1.0
    return 2.0
