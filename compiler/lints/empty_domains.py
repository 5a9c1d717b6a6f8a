"""`(n: int)` as a line of its own: no trace has objects of that type, so nothing is ever found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.typesystem import (
    ANY,
    ERROR,
    INPUT,
    MEMBERS,
    TEXT,
    TRACE_TYPES,
    TYPE_NAMES,
)
from policyc.grammar.nodes import TypedVariable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic

_FOUND = TRACE_TYPES | {TEXT, INPUT, ANY, ERROR}


def check(context: LintContext) -> Iterator[Diagnostic]:
    for variable in context.nodes(TypedVariable):
        type_ = context.table.declared[variable.uid].type
        is_known = type_.name in MEMBERS or type_ in TYPE_NAMES.values()
        if type_ in _FOUND or not is_known:
            continue
        name = variable.name.text
        yield context.warn(
            "W0725",
            variable.span,
            f"no trace has objects of the type `{variable.type.name}`, so `{name}` has no values",
            f"say where its values come from: `({name}: {variable.type.name}) in ...`",
        )
