"""What rules ask about the same objects again and again is evaluated once for each event.

Policies have predicates and readers that many rules use on the same tool call. Within one
evaluation they have the same value for the same objects, as long as they depend on nothing else.
"""

from __future__ import annotations

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
    return (
        signature.deterministic
        and not signature.reaches
        and signature.kind in (FunctionKind.PLAIN, FunctionKind.DETECTOR, FunctionKind.READER)
    )


_MOST_KNOWN = 64
_KNOWN: dict[int, tuple[p.Plan, frozenset[int]]] = {}
"""Plans that were looked at, by their identity: each analysis asks about its own."""


def settled_predicates(plan: p.Plan) -> frozenset[int]:
    """The numbers of the predicates that depend on nothing but their arguments and the parameters
    of the analysis."""
    found = _KNOWN.get(id(plan))
    if found is None or found[0] is not plan:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[id(plan)] = plan, _settled(plan)
    return found[1]


def _settled(plan: p.Plan) -> frozenset[int]:
    known: dict[int, bool] = {}

    def is_settled_predicate(number: int) -> bool:
        if number not in known:
            block = plan.predicates[number].block
            known[number] = all(map(is_settled_node, p.walk(block)))
        return known[number]

    def is_settled_node(node: p.PlanNode) -> bool:
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
                return is_settled_predicate(index)
            case _:
                return True

    return frozenset(filter(is_settled_predicate, range(len(plan.predicates))))
