"""What rules ask about the same objects again and again is evaluated once for each event.

Policies have predicates and readers that many rules use on the same tool call. Within one
evaluation they have the same value for the same objects, as long as they depend on nothing else.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler.signatures import FunctionKind
from policyc.runtime.events import TraceObject

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from policyc.compiler.signatures import Signature

Key = tuple["Hashable", ...]


def key_of(what: Hashable, args: Sequence[p.Expr], values: Sequence[Any]) -> Key | None:
    """A key for something that is asked about objects of the trace and constants; None where it is
    asked about anything else: the same text may stand in several places.

    Objects are known by their identity: whoever keeps an answer must keep the values with it.
    """
    key: list[Hashable] = [what]
    for arg, value in zip(args, values, strict=True):
        if isinstance(value, TraceObject):
            key.append((type(value), id(value.data), value.place))
        elif isinstance(arg, p.ConstantRef):
            key.append(arg.index)
        else:
            return None
    return tuple(key)


def is_settled(signature: Signature) -> bool:
    """Whether a function answers the same to the same arguments and looks at nothing else."""
    if signature.kind is FunctionKind.SPECIAL:
        return signature.name in _SETTLED_SPECIALS
    return (
        signature.deterministic
        and not signature.reaches
        and signature.kind in (FunctionKind.PLAIN, FunctionKind.DETECTOR, FunctionKind.READER)
    )


_SETTLED_SPECIALS = frozenset({"text", "image", "find", "match"})


class Repeats:
    """What in a plan gives the same again for the same objects, within one evaluation.

    `predicates` are the numbers of those that depend on nothing but their arguments and the
    parameters of the analysis.
    """

    def __init__(self, plan: p.Plan) -> None:
        self._plan = plan
        self._known: dict[int, bool] = {}
        self.predicates = frozenset(filter(self._is_settled_predicate, range(len(plan.predicates))))

    def _is_settled_predicate(self, number: int) -> bool:
        if number not in self._known:
            block = self._plan.predicates[number].block
            self._known[number] = all(map(self.is_settled, p.walk(block)))
        return self._known[number]

    def is_settled(self, node: p.PlanNode) -> bool:
        """Whether a node, as far as it is one by itself, depends on nothing but the objects that it
        is about, constants and the parameters of the analysis."""
        match node:
            case p.Scan() | p.Quantified():
                return False
            case p.Input(name=name):
                return name not in (None, "data")
            case p.CallFunction(signature=signature) | p.FunctionRef(signature=signature):
                return is_settled(signature)
            case p.DetectorPattern(signature=signature):
                return is_settled(signature)
            case p.CallPredicate(index=index):
                return self._is_settled_predicate(index)
            case _:
                return True

    @cached_property
    def beginnings(self) -> tuple[tuple[int, ...], ...]:
        """For each rule a number for each of its first steps that others begin with as well: the
        same number tells that all steps until there are the same."""
        chains = [self._settled_texts(rule.block) for rule in self._plan.rules]
        rules_with = Counter(
            tuple(chain[:end]) for chain in chains for end in range(1, len(chain) + 1)
        )
        numbers: dict[tuple[str, ...], int] = {}
        made = []
        for chain in chains:
            shared = []
            for end in range(1, len(chain) + 1):
                if rules_with[tuple(chain[:end])] == 1:
                    break
                shared.append(numbers.setdefault(tuple(chain[:end]), len(numbers)))
            made.append(tuple(shared))
        return tuple(made)

    def _settled_texts(self, block: p.Block) -> list[str]:
        """The first steps of a block that depend on nothing but its only trace variable, each as a
        text: numbers are equal to truth values, texts are not."""
        if sum(isinstance(step, p.Scan) for step in block.steps) != 1:
            return []
        texts = []
        for step in block.steps:
            if not isinstance(step, p.Scan) and not all(map(self.is_settled, p.walk(step))):
                break
            texts.append(repr(step))
        return texts


_MOST_KNOWN = 64
_KNOWN: dict[int, tuple[p.Plan, Repeats]] = {}
"""Plans that were looked at, by their identity: each analysis asks about its own."""


def repeats_of(plan: p.Plan) -> Repeats:
    """What repeats in a plan."""
    found = _KNOWN.get(id(plan))
    if found is None or found[0] is not plan:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[id(plan)] = plan, Repeats(plan)
    return found[1]
