"""Why a condition is true or false, where the values on its sides do not say it.

Takes a condition and the variables it was evaluated under, gives the line that an explanation shows
below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler import plan as p
from policyc.compiler.signatures import FunctionKind
from policyc.runtime import mismatches
from policyc.runtime.budgeted import Spent
from policyc.runtime.excerpts import counted, shown
from policyc.runtime.failures import EvaluationError
from policyc.runtime.texts import placed_texts

if TYPE_CHECKING:
    from policyc.runtime.budgeted import BudgetedInterpreter
    from policyc.runtime.interpreter import Frame


def reason(interpreter: BudgetedInterpreter, e: p.Expr, frame: Frame, *, holds: bool) -> str:
    """Why a condition holds or does not; empty where there is nothing to add."""
    try:
        return _reason(interpreter, e, frame, holds=holds)
    except (EvaluationError, Spent):
        return ""


def _reason(interpreter: BudgetedInterpreter, e: p.Expr, frame: Frame, *, holds: bool) -> str:
    match e:
        case p.Not(operand=p.Cmp(operator="in") as inner) if inner.span == e.span and not holds:
            return "it is there"
        case p.Cmp(operator=operator, left=left, right=right) if not holds:
            sides = interpreter.eval(left, frame), interpreter.eval(right, frame)
            return mismatches.comparison(operator, *sides)
        case p.Flow(left=left, right=right, immediate=immediate) if not holds:
            before, after = interpreter.eval(left, frame), interpreter.eval(right, frame)
            return mismatches.flow(interpreter.history, before, after, immediate=immediate)
        case p.MatchTool() if not holds:
            return mismatches.tool(interpreter, e, frame)[0]
        case p.Quantified(kind="forall"):
            number = sum(1 for _ in interpreter.models(loops_of(e.block), frame.child()))
            candidates = counted(number, "candidate")
            return f"each of {candidates} fits" if holds else f"not each of {candidates} fits"
        case p.Quantified():
            return _counts(interpreter, e, frame)
        case p.CallPredicate(index=index) if not holds:
            loops = interpreter.plan.predicates[index].block.loop_variables()
            return f"nothing in the trace fits {mismatches.names(loops)}" if loops else ""
        case p.CallFunction(args=(p.Map() as elements,)) if (
            fold_of(e) and (fold_of(e) == "all") == holds
        ):
            number = sum(1 for _ in interpreter.items(elements, frame.unmarked()))
            return f"{'all' if holds else 'none'} of {counted(number, 'element')}"
        case p.CallFunction(signature=signature, args=(pattern, subject)) if (
            signature.name == "match" and signature.kind is FunctionKind.SPECIAL and not holds
        ):
            text = interpreter.eval(pattern, frame)
            texts = placed_texts(interpreter.eval(subject, frame), None)
            return mismatches.no_match(text, [found for found, _ in texts])
        case _:
            return ""


def _counts(interpreter: BudgetedInterpreter, e: p.Quantified, frame: Frame) -> str:
    said = f"{count_of(interpreter, e, frame)} counted"
    for bound, words in ((e.minimum, "at least"), (e.maximum, "at most")):
        if bound is not None:
            said += f", {words} {shown(interpreter.eval(bound, frame))} wanted"
    return said


def count_of(interpreter: BudgetedInterpreter, e: p.Quantified, frame: Frame) -> int:
    """How many models the block of a quantifier has."""
    return sum(1 for _ in interpreter.counted(e, frame.unmarked()))


def loops_of(block: p.Block) -> p.Block:
    """The block without its conditions."""
    steps = tuple(step for step in block.steps if not isinstance(step, p.Check))
    return p.Block(steps, block.variables)


def fold_of(e: p.CallFunction) -> str:
    """`any` or `all` for a call of these built-ins, else nothing."""
    signature = e.signature
    is_own = signature.implementation.startswith("policyc.runtime.builtins.")
    return signature.name if is_own and signature.name in ("any", "all") else ""


def is_logical(e: p.Expr) -> bool:
    """Whether an expression is true or false by its form."""
    logical = p.And | p.Or | p.Not | p.Cmp | p.Flow | p.MatchTool | p.CallPredicate | p.Quantified
    return isinstance(e, logical)
