"""Which calls of a policy reach beyond values: to files, models and services of the machine.

A policy of the host may do that. One that somebody else sends to a server must not: it could read
the server's files, connect inside its network and spend its keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policyc.compiler import plan as p
from policyc.grammar.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyc.compiler.signatures import Param, Signature
    from policyc.grammar.source import Span

_UNKNOWN: Final = object()
"""In the place of a value that is not written out."""

_ADVICE: Final = (
    "a policy that a client sends may use values only; the server can load this one with "
    "`--policy`, or trust its clients with `--trust-clients`"
)


def reaches(signature: Signature, options: Mapping[str, Any]) -> bool:
    """Whether a call with some options reaches beyond values."""
    return signature.reaches or bool(_reaching(signature, options))


def _reaching(signature: Signature, options: Mapping[str, Any]) -> list[Param]:
    return [
        param
        for param in signature.parameters
        if param.harmless is not None
        and options.get(param.name, param.default) not in param.harmless
    ]


def refusals(plan: p.Plan) -> list[Diagnostic]:
    """An error for each place of a plan that reaches beyond values, rule by rule."""
    tops: tuple[p.RulePlan | p.PredicatePlan | p.ConstantPlan, ...]
    tops = (*plan.rules, *plan.predicates, *plan.constants)
    return [
        Diagnostic("B0101", Severity.ERROR, message, plan.sources[top.source], span, help=advice)
        for top in tops
        for node in p.walk(top)
        for span, message, advice in _of(node)
    ]


def _of(node: p.PlanNode) -> Iterator[tuple[Span, str, str]]:
    if not isinstance(node, p.CallFunction | p.FunctionRef | p.DetectorPattern):
        return
    signature = node.signature
    if signature.reaches:
        yield node.span, f"`{signature.name}` reaches beyond the trace", _ADVICE
        return
    given = _given(node) if isinstance(node, p.CallFunction) else {}
    values = {
        name: value.value if isinstance(value, p.Literal) else _UNKNOWN
        for name, value in given.items()
    }
    for param in _reaching(signature, values):
        span = given[param.name].span if param.name in given else node.span
        harmless = " or ".join(map(_shown, param.harmless or ()))
        advice = f"here it may be {harmless}: {_ADVICE}" if harmless else _ADVICE
        yield span, f"`{param.name}` of `{signature.name}` reaches beyond the trace", advice


def _given(call: p.CallFunction) -> dict[str, p.Expr]:
    names = [one.name for one in call.signature.parameters]
    return {**dict(zip(names, call.args, strict=False)), **dict(call.keywords)}


def _shown(value: object) -> str:
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"
