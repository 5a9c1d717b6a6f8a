"""Checks tool patterns: `tool:send({to: "...", n: 3})` and what may be between the brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyc.compiler import options, regexes
from policyc.compiler.literals import meant
from policyc.compiler.spelling import closest
from policyc.compiler.wording import written
from policyc.grammar.nodes import (
    Constant,
    FString,
    Index,
    ListLiteral,
    Member,
    Name,
    Number,
    ObjectLiteral,
    String,
    ToolPattern,
    Unary,
    ValueReference,
    Wildcard,
)

if TYPE_CHECKING:
    from policyc.compiler.checker import Checker
    from policyc.grammar.nodes import Expr, Node

VALUE_REFERENCES: Final[dict[str, str]] = {
    "EMAIL_ADDRESS": "pii",
    "LOCATION": "pii",
    "PHONE_NUMBER": "pii",
    "PERSON": "pii",
    "MODERATED": "moderated",
}
"""What may be written as `<NAME>`, and the detector that finds it."""


def check_pattern(checker: Checker, node: ToolPattern) -> None:
    arguments = node.arguments or ()
    if len(arguments) > 1:
        checker.report(
            "E0409",
            arguments[1].span.to(arguments[-1].span),
            "a tool pattern takes one object with the arguments",
            f"write `tool:{node.name}({{name: value, other: value}})`",
        )
    for argument in arguments:
        if isinstance(meant(argument, checker.table), String | FString | Number | Constant):
            checker.report(
                "E0409",
                argument.span,
                "the arguments of a call are an object, which this never is",
                f"name the argument: `tool:{node.name}({{name: "
                f"{written(argument, checker.source)}}})`",
            )
        _check_value(checker, argument)


def _check_value(checker: Checker, node: Expr) -> None:
    match node:
        case Wildcard() | Number() | Constant():
            pass
        case Unary(operator="-" | "+", operand=Number()):
            pass
        case ValueReference():
            _check_reference(checker, node)
        case String():
            regexes.check_text(checker, node, is_value=True)
        case Name() | Member() | Index() | FString():
            checker.type_of(node)
            regexes.check_text(checker, node, is_value=True)
        case ListLiteral():
            for item in node.items:
                _check_value(checker, item)
        case ObjectLiteral():
            for entry in node.entries:
                _check_value(checker, entry.value)
        case _:
            checker.type_of(node)
            checker.report(
                "E0409",
                node.span,
                f"`{written(node, checker.source)}` cannot stand in a tool pattern",
                "write a value, a name or `*`; put other conditions on lines of their own",
            )


def _check_reference(checker: Checker, node: ValueReference) -> None:
    detector = VALUE_REFERENCES.get(node.name)
    if detector is None:
        known = ", ".join(f"`<{name}>`" for name in VALUE_REFERENCES)
        near = closest(node.name, VALUE_REFERENCES)
        advice = f"did you mean `<{near}>`?" if near else f"there are {known}"
        checker.report("E0410", node.span, f"`<{node.name}>` is not known", advice)
        return
    module = checker.catalogue.modules.get("invariant.detectors")
    signature = module.functions.get(detector) if module else None
    if signature is None:
        reason, extra = f"there is no detector `{detector}`", None
    elif signature.missing is not None:
        reason, extra = signature.missing, signature.extra
    elif (refusal := checker.catalogue.unavailable(signature, {})) is not None:
        checker.report(
            "E0601",
            node.span,
            f"`<{node.name}>` is not available: {refusal.reason}",
            refusal.advice,
        )
        return
    else:
        extra = options.extra_of(signature, node.name)
        if extra is None:
            return
        reason = options.why_not(extra)
    checker.report(
        "E0601",
        node.span,
        f"`<{node.name}>` is not available: {reason}",
        options.how_to_install(extra) if extra else "write a pattern for the text, or use `*`",
    )


def refuse_outside(checker: Checker, node: Node) -> None:
    """`*` and `<X>` mean something only inside a tool pattern."""
    checker.report(
        "E0411",
        node.span,
        f"`{written(node, checker.source)}` stands only inside a tool pattern",
        "write it as the value of an argument: `c is tool:name({argument: *})`",
    )
