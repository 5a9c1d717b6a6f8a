"""Checks what a rule raises: its value, and the risk tags of its message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.compiler import operands
from policyc.compiler.literals import literal_texts, meant, span_inside
from policyc.compiler.risk import LEVELS, risk_tags
from policyc.compiler.spelling import closest
from policyc.compiler.typesystem import CALLABLE
from policyc.grammar.nodes import Call, DerivedVariable, Quantifier, TypedVariable
from policyc.grammar.visitor import walk

if TYPE_CHECKING:
    from policyc.compiler.checker import Checker
    from policyc.grammar.nodes import Expr, Rule


def check_raise(checker: Checker, rule: Rule) -> None:
    if checker.type_of(rule.value) is CALLABLE:
        operands.refuse_function(checker, rule.value)
    for node in walk(rule.value):
        if isinstance(node, TypedVariable | DerivedVariable | Quantifier):
            checker.report(
                "E0503",
                node.span,
                "a raised value cannot declare anything",
                "move the declaration to a line of the body",
            )
    for message in message_parts(checker, rule):
        _check_risk(checker, message)


def message_parts(checker: Checker, rule: Rule) -> list[Expr]:
    """The expressions whose literal texts are the message of a rule."""
    value = meant(rule.value, checker.table)
    if isinstance(value, Call):
        return list(value.args[:1])
    return [value]


def _check_risk(checker: Checker, message: Expr) -> None:
    for text in literal_texts(message, checker.table):
        for tag in risk_tags(text.value):
            if tag.level is None:
                checker.report(
                    "E0504",
                    span_inside(text, text.value, tag.start, tag.end, checker.source),
                    f"`{tag.written}` names no level of risk",
                    _advice(tag.written),
                )


def _advice(written: str) -> str:
    words = [word for word in re.findall(r"[a-z]+", written.lower()) if word != "risk"]
    near = {word if word in LEVELS else closest(word, LEVELS) for word in words} - {None}
    if len(near) == 1:
        return f"write `[risk={near.pop()}]`"
    return "write `[risk=low]`, `[risk=medium]` or `[risk=high]`"
