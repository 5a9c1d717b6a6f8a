"""The lints, in the order in which they run. To add one, write its module and its row here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.lints import (
    constant_conditions,
    contains_only,
    contradictions,
    copied_rules,
    deeper_lines,
    empty_domains,
    escapes,
    hidden_functions,
    identity,
    list_conditions,
    object_membership,
    patterns_on_others,
    roles,
    self_comparison,
    similar_tool_names,
    swapped_arguments,
    unlike_values,
    unused_names,
    unused_variables,
    wordless_violations,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import Lint, LintContext
    from policyc.grammar.diagnostics import Diagnostic

LINTS: tuple[Lint, ...] = (
    unused_names.check,
    unused_variables.check,
    constant_conditions.check,
    list_conditions.check,
    unlike_values.check,
    identity.check,
    contradictions.check,
    self_comparison.check,
    swapped_arguments.check,
    roles.check,
    copied_rules.check,
    escapes.check,
    contains_only.check,
    deeper_lines.check,
    hidden_functions.check,
    object_membership.check,
    similar_tool_names.check,
    empty_domains.check,
    patterns_on_others.check,
    wordless_violations.check,
)


def run_lints(context: LintContext) -> Iterator[Diagnostic]:
    for lint in LINTS:
        yield from lint(context)
