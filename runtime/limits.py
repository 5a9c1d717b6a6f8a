"""The budgets that a host may set for an analysis. By default there is none on the search itself.

Reaching one is an error of the rule that reached it, never silence: the result blocks and names the rule. The limits
that always hold (one regular expression, one built-in call, the size of what a policy builds) are in `compiler.patterns`
and `bounds`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets for one analysis, and for one event of a monitor; None is no limit.

    `seconds`: time for one rule. `work`: candidates that one rule may look at (objects tested, rows joined).
    `memory`: objects that one rule may remember. `matches`: matches of one rule.

    Raises:
        ValueError: a budget is not positive.
    """

    seconds: float | None = None
    work: int | None = None
    memory: int | None = None
    matches: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                raise ValueError(f"the limit `{field.name}` must be positive, not {value}")

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))
