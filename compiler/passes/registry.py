"""The table of passes, and running them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policyc.compiler.passes.branches import remove_dead_branches
from policyc.compiler.passes.constants import fold_constants
from policyc.compiler.passes.negations import remove_double_negations
from policyc.compiler.passes.repeats import remove_repeats

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.compiler.plan import Plan


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass: a plan in, a plan with the same meaning out."""

    name: str
    run: Callable[[Plan], Plan]


PASSES: Final = (
    Pass("constants", fold_constants),
    Pass("negations", remove_double_negations),
    Pass("branches", remove_dead_branches),
    Pass("repeats", remove_repeats),
)
"""In the order in which they are run."""

MOST_ROUNDS = 10


def simplified(plan: Plan) -> Plan:
    """The plan after all passes, again and again until they find nothing more."""
    for _ in range(MOST_ROUNDS):
        before = plan
        for known in PASSES:
            plan = known.run(plan)
        if plan == before:
            break
    return plan
