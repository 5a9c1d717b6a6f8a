"""Checks regular expressions that a policy spells out, so that a bad one is found when the policy
is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.literals import meant, span_inside
from policyc.compiler.wording import shortened
from policyc.grammar.nodes import String

if TYPE_CHECKING:
    from policyc.compiler.checker import Checker
    from policyc.compiler.signatures import Catalogue, Signature
    from policyc.grammar.nodes import Call, Expr

FUNCTIONS = frozenset({"match", "find", "search", "fullmatch", "findall", "sub", "split"})
"""Built-in functions whose first argument, `pattern`, is a regular expression."""


def takes_pattern(catalogue: Catalogue, signature: Signature) -> bool:
    """Whether the first argument of a function is a regular expression."""
    return (
        signature.name in FUNCTIONS
        and bool(signature.parameters)
        and signature.parameters[0].name == "pattern"
        and catalogue.host.get(signature.name) is not signature
    )


def check_call(checker: Checker, node: Call, signature: Signature) -> None:
    if not takes_pattern(checker.catalogue, signature):
        return
    if node.args:
        check_text(checker, node.args[0])
    for keyword in node.keywords:
        if keyword.name.text == "pattern":
            check_text(checker, keyword.value)


def check_text(checker: Checker, node: Expr, *, is_value: bool = False) -> None:
    """Reports a literal, or a constant that is one, which is no valid regular expression.

    `is_value`: it stands in a tool pattern. The pattern is read as it will be used, so that it is
    read once.
    """
    literal = meant(node, checker.table)
    if not isinstance(literal, String) or literal.value.isalnum():
        return
    from policyc.compiler.patterns import (  # noqa: PLC0415  # slow to load
        PatternError,
        compile_pattern,
        compile_value_pattern,
    )

    try:
        (compile_value_pattern if is_value else compile_pattern)(literal.value)
    except PatternError as error:
        position = error.position
        span = literal.span
        if position is not None:
            span = span_inside(literal, literal.value, position, position + 1, checker.source)
        checker.report(
            "E0408",
            span,
            f"the pattern `{shortened(literal.value)}` is not valid: {error.message}",
            "a sign that is meant as itself has a backslash before it, as in `\\(`",
        )
