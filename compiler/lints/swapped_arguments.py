"""`match(m.content, "pattern")`: the pattern comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.regexes import FUNCTIONS
from policyc.compiler.symbols import SymbolKind
from policyc.compiler.typesystem import CONTENT, JSON, OPTIONAL_TEXT, TEXT
from policyc.grammar.nodes import Call, Index, Member, Name, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.grammar.nodes import Expr

_FROM_TRACE = (TEXT, OPTIONAL_TEXT, CONTENT, JSON)


def check(context: LintContext) -> Iterator[Diagnostic]:
    for call in context.nodes(Call):
        symbol = context.symbol(call.function)
        if symbol is None or symbol.signature is None or len(call.args) != 2:
            continue
        signature = symbol.signature
        if signature.name not in FUNCTIONS or signature.parameters[0].name != "pattern":
            continue
        pattern, text = call.args
        if isinstance(text, String) and _is_from_trace(context, pattern):
            shown = f"{signature.name}({context.written(text)}, {context.written(pattern)})"
            yield context.warn(
                "W0712",
                call.span,
                f"`{context.written(pattern)}` is taken as the pattern, and the text is "
                f"{context.written(text)}",
                f"the pattern comes first: `{shown}`",
            )


def _is_from_trace(context: LintContext, node: Expr) -> bool:
    """Whether a value surely comes from the trace, and is no pattern of the policy or its
    parameters.
    """
    type_ = context.type_of(node)
    root = node
    while isinstance(root, Member | Index):
        root = root.value
    if not isinstance(root, Name):
        return False
    symbol = context.symbol(root)
    if symbol is None or symbol.kind is not SymbolKind.VARIABLE:
        return False
    return type_ in _FROM_TRACE
