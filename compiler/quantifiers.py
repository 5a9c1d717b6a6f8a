"""Checks the opening of a block: who opens it, and how often it asks its lines to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.spelling import did_you_mean
from policyc.compiler.symbols import SymbolKind
from policyc.compiler.typesystem import ANY, ERROR, INT, JSON, present
from policyc.compiler.wording import written
from policyc.grammar.nodes import Number, Unary

if TYPE_CHECKING:
    from policyc.compiler.checker import Checker
    from policyc.grammar.nodes import Expr, Keyword, Quantifier
    from policyc.grammar.source import Span


def check_quantifier(checker: Checker, node: Quantifier) -> None:
    symbol = checker.table.uses[node.callee.uid]
    for argument in node.args:
        checker.type_of(argument)
    for keyword in node.keywords:
        checker.type_of(keyword.value)
    if symbol.kind is SymbolKind.ERROR:
        return
    if symbol.kind is not SymbolKind.QUANTIFIER:
        checker.report(
            "E0414",
            node.callee.span,
            f"`{node.callee.text}` does not open a block",
            "only `count` and `forall` do: `count(min=1):` and `forall:`",
        )
        return
    if symbol.name == "forall":
        _refuse_forall_arguments(checker, node)
        return
    bounds = _bounds(checker, node)
    for bound in bounds.values():
        _check_bound(checker, bound)
    low, high = (_whole_number(bounds.get(which)) for which in ("min", "max"))
    if low is not None and high is not None and low > high:
        span = bounds["min"].span.to(bounds["max"].span)
        checker.report(
            "E0413", span, f"nothing is at least {low} and at most {high}", "swap the two numbers"
        )


def _refuse_forall_arguments(checker: Checker, node: Quantifier) -> None:
    if node.args or node.keywords:
        checker.report(
            "E0413",
            _argument_span(node.args, node.keywords),
            "`forall` takes no arguments",
            "write `forall:`; to count, write `count(min=1):`",
        )


def _bounds(checker: Checker, node: Quantifier) -> dict[str, Expr]:
    bounds: dict[str, Expr] = dict(zip(("min", "max"), node.args, strict=False))
    if len(node.args) > 2:
        checker.report(
            "E0413",
            _argument_span(node.args[2:], ()),
            "`count` takes a smallest and a largest number",
            "write `count(min=1, max=3):`",
        )
    for keyword in node.keywords:
        name = keyword.name.text
        if name not in ("min", "max") or name in bounds:
            problem = "is given twice" if name in bounds else "is no argument of `count`"
            checker.report(
                "E0413",
                keyword.name.span,
                f"`{name}` {problem}",
                did_you_mean(name, ("min", "max")) or "write `count(min=1, max=3):`",
            )
        else:
            bounds[name] = keyword.value
    return bounds


def _check_bound(checker: Checker, bound: Expr) -> None:
    type_ = checker.known_type(bound)
    number = _whole_number(bound)
    if (type_ not in (ANY, JSON, ERROR, INT) and present(type_) != INT) or (number or 0) < 0:
        checker.report(
            "E0413",
            bound.span,
            f"`{written(bound, checker.source)}` is no number of times",
            "write a whole number: `count(min=2):`",
        )


def _whole_number(node: Expr | None) -> int | None:
    match node:
        case Number(value=int(value)):
            return value
        case Unary(operator="-", operand=Number(value=int(value))):
            return -value
        case _:
            return None


def _argument_span(args: tuple[Expr, ...], keywords: tuple[Keyword, ...]) -> Span:
    every = [*args, *keywords]
    return every[0].span.to(every[-1].span)
