"""Which functions of a policy need what not every machine has: an extra, a model, a service."""

from __future__ import annotations

from policyc.compiler import plan as p
from policyc.compiler.signatures import FunctionKind


def needs_more(node: p.PlanNode) -> bool:
    """Whether a node calls such a function, passes it on, or has it in a pattern.

    Of a function with engines the first one may need nothing; it is meant where no `model` is
    named.
    """
    if not isinstance(node, p.CallFunction | p.FunctionRef | p.DetectorPattern):
        return False
    signature = node.signature
    if signature.extra or signature.requires or signature.kind is FunctionKind.SERVICE:
        return True
    return bool(signature.engines) and isinstance(node, p.CallFunction) and _names_a_model(node)


def _names_a_model(call: p.CallFunction) -> bool:
    position = [one.name for one in call.signature.parameters].index("model")
    return len(call.args) > position or any(name == "model" for name, _ in call.keywords)
