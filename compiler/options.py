"""Checks arguments that take only certain texts, such as `on_error="deny"` and the kinds in
`pii(m, entities=["EMAIL_ADDRESS"])`: a misspelt one would find nothing for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.literals import is_spelled_out, spelled_value
from policyc.compiler.spelling import closest
from policyc.grammar.nodes import ListLiteral, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.checker import Checker
    from policyc.compiler.signatures import Param, Signature
    from policyc.grammar.nodes import Call, Expr

NEEDS_MODEL = "it is found by a model, which a tool pattern cannot name"


def check_call(checker: Checker, node: Call, signature: Signature) -> None:
    """Reports each literal text that its argument does not take, or not without an extra."""
    for param, value in _given(node, signature):
        if param.choices:
            for text in _literals(value):
                _check_text(checker, text, param, signature)


def check_engines(checker: Checker, node: Call, signature: Signature) -> None:
    """Reports where a call needs a model or a service that is not there."""
    spelled, is_fixed = {}, True
    at = node.function.span
    for param, value in _given(node, signature):
        if is_spelled_out(value, checker.table):
            spelled[param.name] = spelled_value(value, checker.table)
        elif param.is_fixed:
            is_fixed = False
            checker.report(
                "E0407",
                value.span,
                f"`{param.name}` of `{signature.name}` is not known before the policy runs",
                "write it as a text or a constant: no trace may choose a model or an address",
            )
        if param.name == "model":
            at = value.span
    refusal = checker.catalogue.unavailable(signature, spelled) if is_fixed else None
    if refusal is None or (signature.name, refusal.reason) in checker.reported_refusals:
        return
    # Once for each reason: the remedy is the same at each call.
    checker.reported_refusals.add((signature.name, refusal.reason))
    checker.report(
        "E0601", at, f"`{signature.name}` is not available: {refusal.reason}", refusal.advice
    )


def _given(node: Call, signature: Signature) -> list[tuple[Param, Expr]]:
    """The arguments of a call with the parameters that they are for."""
    by_name = {param.name: param for param in signature.parameters}
    named = [
        (by_name[keyword.name.text], keyword.value)
        for keyword in node.keywords
        if keyword.name.text in by_name
    ]
    return [*zip(signature.parameters, node.args, strict=False), *named]


def extra_of(signature: Signature, kind: str) -> str | None:
    """The extra that a detector needs to find a kind, empty where this version has none for it;
    None where it needs nothing."""
    extras = [dict(param.extras) for param in signature.parameters]
    return next((found[kind] for found in extras if kind in found), None)


def why_not(extra: str) -> str:
    return f"`policyc[{extra}]` is not installed" if extra else NEEDS_MODEL


def how_to_install(extra: str) -> str:
    return f"install it: `pip install 'policyc[{extra}]'`"


def _literals(value: Expr) -> Iterator[String]:
    if isinstance(value, String):
        yield value
    elif isinstance(value, ListLiteral):
        yield from (item for item in value.items if isinstance(item, String))


def _check_text(checker: Checker, text: String, param: Param, signature: Signature) -> None:
    if text.value in param.choices:
        return
    extra = dict(param.extras).get(text.value)
    if extra is not None:
        checker.report(
            "E0601",
            text.span,
            f"`{signature.name}` does not know `{text.value}`: {why_not(extra)}",
            how_to_install(extra) if extra else _listed(param.choices),
        )
        return
    near = closest(text.value, param.choices)
    checker.report(
        "E0415",
        text.span,
        f"`{param.name}` of `{signature.name}` does not take `{text.value}`",
        f"did you mean `{near}`?" if near else _listed(param.choices),
    )


def _listed(choices: tuple[str, ...]) -> str:
    *others, last = [f"`{choice}`" for choice in choices]
    return f"it takes {', '.join(others)} and {last}" if others else f"it takes {last}"
