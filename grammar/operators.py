"""The one table of operators: spelling, how tightly each binds, and to which side.

The parser folds flat sequences of operands and operators by this table, the formatter puts brackets
by it. A higher level binds tighter. Levels are those of Python, with `contains_only`, `->` and `~>`
among the comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass

TERNARY = 1
OR = 2
AND = 3
NOT = 4
COMPARISON = 5
SUM = 6
PRODUCT = 7
SIGN = 8
POWER = 9
POSTFIX = 10


@dataclass(frozen=True, slots=True)
class Operator:
    """An infix operator. `associativity` is `left`, `right` or `chain` (`a < b < c` is one
    comparison)."""

    spelling: str
    level: int
    associativity: str


_ROWS = (
    Operator("or", OR, "left"),
    Operator("and", AND, "left"),
    Operator("in", COMPARISON, "chain"),
    Operator("not in", COMPARISON, "chain"),
    Operator("is", COMPARISON, "chain"),
    Operator("is not", COMPARISON, "chain"),
    Operator("==", COMPARISON, "chain"),
    Operator("!=", COMPARISON, "chain"),
    Operator("<", COMPARISON, "chain"),
    Operator("<=", COMPARISON, "chain"),
    Operator(">", COMPARISON, "chain"),
    Operator(">=", COMPARISON, "chain"),
    Operator("contains_only", COMPARISON, "chain"),
    Operator("->", COMPARISON, "chain"),
    Operator("~>", COMPARISON, "chain"),
    Operator("+", SUM, "left"),
    Operator("-", SUM, "left"),
    Operator("*", PRODUCT, "left"),
    Operator("/", PRODUCT, "left"),
    Operator("%", PRODUCT, "left"),
    Operator("**", POWER, "right"),
)

INFIX: dict[str, Operator] = {row.spelling: row for row in _ROWS}

PREFIX: dict[str, int] = {"not": NOT, "-": SIGN, "+": SIGN}

RESERVED = frozenset(
    [
        "raise",
        "if",
        "else",
        "and",
        "or",
        "not",
        "in",
        "is",
        "def",
        "import",
        "from",
        "as",
        "for",
        "True",
        "False",
        "None",
        "contains_only",
    ]
)
"""Words that cannot be names; they stay legal as members, object keys and keyword names."""
