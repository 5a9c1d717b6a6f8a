"""An interpreter that stops after a given amount of work, and what of a plan may be tried freely.

Explaining a rule tries its conditions on objects that an analysis would not look at. That must
end soon whatever the rule asks for, and it must not call what the host would not want to be
called so often.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler.signatures import FunctionKind
from policyc.compiler.typesystem import BOOL
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.detectors.answers import question
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame, Interpreter
from policyc.runtime.outside import needs_more
from policyc.runtime.repeats import repeats_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from policyc.compiler.signatures import Signature


class Spent(Exception):  # no error: the work is given up
    """The work or the time allowed for an evaluation is used up."""


class BudgetedInterpreter(Interpreter):
    """Counts evaluations of expressions as `work`; beyond `limit`, or too late, raises `Spent`.

    `deadline` is the end of all work, `until` that of the part which `allow` gave.
    """

    keeps_repeats = False

    def __init__(
        self,
        plan: p.Plan,
        history: History,
        parameters: Mapping[str, Any],
        load: Callable[[Signature], Callable[..., Any]],
        deadline: float,
    ) -> None:
        super().__init__(without_prints(plan), history, parameters, load)
        self.work = 0
        self.limit = 0
        self.deadline = deadline
        self.until = deadline
        self.known: dict[bytes, Any] = {}
        """What functions of the host and of plug-ins answered."""

    def eval(self, expression: p.Expr, frame: Frame) -> Any:
        self.work += 1
        if self.work > self.limit or monotonic() > self.until:
            raise Spent
        return super().eval(expression, frame)

    def items(self, e: p.Map, frame: Frame) -> Iterator[Frame]:
        """A frame for each element that a comprehension keeps."""
        return self._items(e, frame)

    @property
    def is_spent(self) -> bool:
        return self.work >= self.limit or monotonic() > self.until

    def _apply(self, signature: Signature, args: list[Any], keywords: dict[str, Any]) -> Any:
        """Call a function; one that is not policyc's own once only for the same arguments."""
        if is_built_in(signature):
            return super()._apply(signature, args, keywords)
        key = question(signature, args, keywords)
        if key not in self.known:
            self.known[key] = super()._apply(signature, args, keywords)
        return self.known[key]

    def _detections(
        self, signature: Signature, texts: list[str], options: list[Any], keywords: dict[str, Any]
    ) -> Any:
        """What a detector finds; one whose answers are not kept is asked once all the same."""
        if signature.deterministic:
            return super()._detections(signature, texts, options, keywords)
        key = question(signature, [texts, options], keywords)
        if key not in self.known:
            self.known[key] = super()._detections(signature, texts, options, keywords)
        return self.known[key]

    def allow(self, work: int, parts: int = 1) -> None:
        """Let what follows take so much work, and one of `parts` of the time that is left."""
        self.limit = self.work + work
        now = monotonic()
        self.until = now + (self.deadline - now) / parts


def without_prints(plan: p.Plan) -> p.Plan:
    """The plan with `print(...)` replaced by what it answers: an explanation logs nothing."""
    if not any(_prints(node) for top in (*plan.rules, *plan.predicates) for node in p.walk(top)):
        return plan
    return replace(
        plan,
        rules=tuple(p.rewrite(rule, _silent) for rule in plan.rules),
        predicates=tuple(p.rewrite(predicate, _silent) for predicate in plan.predicates),
    )


def _prints(node: p.PlanNode) -> bool:
    return (
        isinstance(node, p.CallFunction)
        and node.signature.kind is FunctionKind.SPECIAL
        and node.signature.name == "print"
    )


def _silent(node: p.PlanNode) -> p.PlanNode:
    return p.Literal(True, span=node.span, type=BOOL) if _prints(node) else node


class CalledByNeed:
    """Which conditions call what may be slow or have effects: host functions, plug-ins, models.

    Such a condition is evaluated only where an analysis would evaluate it as well.
    """

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.known: dict[tuple[str, int], bool] = {}

    def __call__(self, node: p.PlanNode) -> bool:
        return any(self._is(part) for part in p.walk(node))

    def _is(self, node: p.PlanNode) -> bool:
        match node:
            case p.CallFunction(signature=signature):
                return not is_built_in(signature) or needs_more(node)
            case p.FunctionRef(signature=signature):
                return not is_built_in(signature)
            case p.DetectorPattern(signature=signature):
                return not is_built_in(signature)
            case p.CallPredicate(index=index):
                return self._of("predicate", index, self.plan.predicates[index].block)
            case p.ConstantRef(index=index):
                return self._of("constant", index, self.plan.constants[index].value)
            case _:
                return False

    def _of(self, kind: str, index: int, node: p.PlanNode) -> bool:
        key = (kind, index)
        if key not in self.known:
            self.known[key] = False
            self.known[key] = self(node)
        return self.known[key]


def is_off(
    rule: p.RulePlan,
    plan: p.Plan,
    parameters: Mapping[str, Any],
    load: Callable[[Signature], Callable[..., Any]],
) -> bool:
    """Whether a rule begins with a condition on parameters that does not hold: it looks at nothing
    then."""
    first = rule.block.steps[0] if rule.block.steps else None
    if not isinstance(first, p.Check) or not _is_settled(first, plan) or CalledByNeed(plan)(first):
        return False
    interpreter = Interpreter(plan, History([]), parameters, load)
    try:
        return not interpreter.eval(first.condition, Frame())
    except PolicycError:
        return False


def _is_settled(node: p.PlanNode, plan: p.Plan) -> bool:
    """Whether something depends on parameters alone."""
    repeats = repeats_of(plan)
    return all(
        repeats.is_settled(part)
        and not isinstance(part, p.CallPredicate)
        and (
            not isinstance(part, p.ConstantRef)
            or _is_settled(plan.constants[part.index].value, plan)
        )
        for part in p.walk(node)
    )


def is_built_in(signature: Signature) -> bool:
    """Whether a function is policyc's own, needs nothing else, and always gives the same answer."""
    if signature.kind is FunctionKind.SPECIAL:
        return True
    is_own = signature.implementation.startswith("policyc.runtime.")
    return is_own and signature.deterministic and signature.extra is None
