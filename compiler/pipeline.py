"""The compiler from end to end; the only module that knows the order of its stages.

Text -> syntax tree -> checked tree -> plan -> generated code. A stage takes data and returns data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from policyc.compiler import plan as p
from policyc.compiler.frontend import Checked, check_source
from policyc.compiler.lowering import lower
from policyc.compiler.tool_patterns import VALUE_REFERENCES
from policyc.grammar.diagnostics import Diagnostic, PolicyError, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.compiler.signatures import Catalogue, Signature
    from policyc.grammar.source import Source


@dataclass(frozen=True, slots=True)
class Compilation:
    """What became of the files of a policy: a plan unless some file has errors, and what was
    found."""

    plan: p.Plan | None
    diagnostics: tuple[Diagnostic, ...]

    def require(self) -> p.Plan:
        """The plan.

        Raises:
            PolicyError: some file has errors.
        """
        if self.plan is None:
            raise PolicyError(self.diagnostics)
        return self.plan


def compile_sources(sources: Sequence[Source], catalogue: Catalogue) -> Compilation:
    """Compile the files of a policy into one plan; their names stay apart."""
    checked = [check_source(source, catalogue) for source in sources]
    diagnostics = tuple(found for one in checked for found in one.diagnostics)
    if any(found.severity is Severity.ERROR for found in diagnostics):
        return Compilation(None, diagnostics)
    references = value_references(catalogue)
    return Compilation(merge([_lower(one, references) for one in checked]), diagnostics)


def _lower(checked: Checked, references: dict[str, Signature]) -> p.Plan:
    return lower(checked, references)


def value_references(catalogue: Catalogue) -> dict[str, Signature]:
    """The detector of each `<NAME>` that tool patterns may use."""
    found: dict[str, Signature] = {}
    for name, detector in VALUE_REFERENCES.items():
        module = catalogue.modules.get("invariant.detectors")
        signature = module.functions.get(detector) if module is not None else None
        if signature is not None:
            found[name] = signature
    return found


def merge(plans: Sequence[p.Plan]) -> p.Plan:
    """One plan of several: rules, predicates and constants are numbered on."""
    if len(plans) == 1:
        return plans[0]
    rules: list[p.RulePlan] = []
    predicates: list[p.PredicatePlan] = []
    constants: list[p.ConstantPlan] = []
    sources: list[Source] = []
    for plan in plans:
        shift_predicates, shift_constants = len(predicates), len(constants)

        def move(
            node: p.PlanNode, predicates: int = shift_predicates, constants: int = shift_constants
        ) -> p.PlanNode:
            match node:
                case p.CallPredicate(index=index):
                    return replace(node, index=index + predicates)
                case p.ConstantRef(index=index):
                    return replace(node, index=index + constants)
                case _:
                    return node

        for rule in plan.rules:
            moved: p.RulePlan = p.rewrite(rule, move)
            rules.append(replace(moved, index=len(rules), source=len(sources)))
        predicates.extend(replace(p.rewrite(x, move), source=len(sources)) for x in plan.predicates)
        constants.extend(replace(p.rewrite(x, move), source=len(sources)) for x in plan.constants)
        sources.extend(plan.sources)
    return p.Plan(tuple(rules), tuple(predicates), tuple(constants), tuple(sources))
