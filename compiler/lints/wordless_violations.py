"""`raise m if:`: a violation whose only word is the text of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.typesystem import family
from policyc.compiler.wording import a

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic


def check(context: LintContext) -> Iterator[Diagnostic]:
    for rule in context.rules:
        type_ = context.type_of(rule.value)
        if family(type_) not in (None, "text"):
            shown = context.written(rule.value)
            yield context.warn(
                "W0727",
                rule.value.span,
                f"this rule raises {a(type_)} and no message",
                f'write `raise Violation("what is wrong", {shown}) if:`',
            )
