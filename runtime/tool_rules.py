"""What rules ask of nothing but a tool's name is answered once for each name.

Most rules are about a few tools, many of them by predicates with lists of names. For a call of any
other tool such a rule has nothing to decide; for a call of one of these it need not ask again.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.compiler.signatures import FunctionKind
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame, Interpreter, has_name
from policyc.runtime.repeats import Repeats, repeats_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policyc.compiler.signatures import Signature
    from policyc.runtime.elements import Places

MOST_SECONDS: Final = 0.05
"""To find out about one tool: what takes longer is left to the rules, which heed the limits of the
host."""


class ToolRules:
    """The rules of a plan as they are for the calls of one tool: without the conditions that always
    hold, and each with its `Repeats.beginnings`, by index. Those that are not there match no such
    call."""

    __slots__ = ("_rules",)

    def __init__(self, plan: p.Plan) -> None:
        beginnings = Repeats(plan).beginnings
        self._rules = {
            rule.index: (rule, steps) for rule, steps in zip(plan.rules, beginnings, strict=True)
        }

    def get(self, index: int) -> tuple[p.RulePlan, tuple[int, ...]] | None:
        """A rule and its beginnings; None: it does not match."""
        return self._rules.get(index)


class _Unknown(Exception):
    """Something is asked for that is more than the name of the tool."""


_MAY_FAIL: Final = (FunctionKind.DETECTOR, FunctionKind.READER)
"""What may fail once and answer the next time, also without an error."""
_CALL: Final = object()
"""Stands for a call of which only the tool is known."""
_PLACE: Final = ("tool",)
"""Stands for the place of its name: whether there are marks matters, not where."""


class Specializer(Interpreter):
    """Finds what the rules of a plan are for the calls of a tool.

    It evaluates conditions on a call of which nothing else is known; whatever depends on more, or
    on what may change from one event to the next, stays as it is.
    """

    def __init__(
        self,
        plan: p.Plan,
        parameters: Mapping[str, Any],
        load: Callable[[Signature], Callable[..., Any]],
    ) -> None:
        super().__init__(plan, History({}), parameters, load)
        self._is_settled = repeats_of(plan).is_settled
        self._tool = ""
        self._end = 0.0
        self.tick = self.go_on = self._check_time

    def rules_for(self, tool: str) -> ToolRules:
        """The rules for the calls of a tool."""
        self._tool = tool
        self._end = monotonic() + MOST_SECONDS
        rules: list[p.RulePlan] = []
        for rule in self.plan.rules:
            steps = self._what_is_left(rule.block)
            if steps is not None:
                rules.append(replace(rule, block=replace(rule.block, steps=steps)))
        return ToolRules(replace(self.plan, rules=tuple(rules)))

    def _check_time(self) -> None:
        if monotonic() > self._end:
            raise _Unknown

    def _what_is_left(self, block: p.Block) -> tuple[p.Step, ...] | None:
        """The steps that have something to decide; None: one of them never holds, and none above
        it can fail."""
        scans = [step for step in block.steps if isinstance(step, p.Scan)]
        if len(scans) != 1 or scans[0].domain != ts.TOOL_CALL:
            return block.steps
        frame = Frame({scans[0].variable: _CALL}, marks=[])
        left: list[p.Step] = []
        is_sure = True
        for step in block.steps:
            match step:
                case p.Check(condition=condition):
                    rest = self._condition_left(condition, frame)
                    if rest is True:
                        continue
                    if rest is False and is_sure:
                        return None
                    is_sure = False
                    left.append(step if rest is False else replace(step, condition=rest))
                    continue
                case p.Bind(variable=name, value=value):
                    try:
                        frame.bind(name, self.eval(value, frame), self.locate(value, frame))
                    except (_Unknown, PolicycError):
                        is_sure = False
                case p.Each():
                    is_sure = False
                case p.Scan():
                    pass
            left.append(step)
        return tuple(left)

    def _condition_left(self, condition: p.Expr, frame: Frame) -> p.Expr | bool:
        """What of a condition has to be decided. Only whether it holds counts, and what it
        marks."""
        marked = len(frame.marks or ())
        try:
            self._check_time()
            holds = bool(self.eval(condition, frame))
        except _Unknown:
            return self._operands_left(condition, frame)
        except PolicycError:
            return condition
        return condition if holds and len(frame.marks or ()) > marked else holds

    def _operands_left(self, condition: p.Expr, frame: Frame) -> p.Expr | bool:
        if not isinstance(condition, p.And | p.Or):
            return condition
        is_and = isinstance(condition, p.And)
        left: list[p.Expr] = []
        for operand in condition.operands:
            rest = self._condition_left(operand, frame)
            if rest is is_and:
                continue
            if rest is False and not left:
                return False
            # What is true of `or` stays: the other sides may have marks all the same.
            left.append(operand if isinstance(rest, bool) else rest)
        return left[0] if len(left) == 1 else replace(condition, operands=tuple(left))

    # --- evaluation of a call of which only the tool is known

    def eval(self, expression: p.Expr, frame: Frame) -> Any:
        match expression:
            case p.Var(name=name) if frame.values.get(name, _CALL) is _CALL:
                raise _Unknown
            case p.GetMember() if _is_name(expression, frame):
                return self._tool
            case p.MatchTool(value=p.Var(name=name)) if frame.values.get(name) is _CALL:
                if not has_name(expression, self._tool):
                    return False
                if expression.arguments is not None:
                    raise _Unknown
                return True
            case p.CallFunction(signature=signature) if signature.kind in _MAY_FAIL:
                raise _Unknown
            case _ if not self._is_settled(expression):
                raise _Unknown
            case p.CallPredicate(args=args):
                values = [_CALL if _is_call(arg, frame) else self.eval(arg, frame) for arg in args]
                return self._decided(expression, values, frame)
            case _:
                return super().eval(expression, frame)

    def locate(self, expression: p.Expr, frame: Frame) -> Places:
        return _PLACE if _is_name(expression, frame) else super().locate(expression, frame)


def _is_call(expression: p.Expr, frame: Frame) -> bool:
    return isinstance(expression, p.Var) and frame.values.get(expression.name) is _CALL


def _is_name(expression: p.Expr, frame: Frame) -> bool:
    """Whether it is the name of the tool: `call.function.name`."""
    match expression:
        case p.GetMember(value=p.GetMember(value=call, name="function"), name="name"):
            return _is_call(call, frame)
        case _:
            return False
