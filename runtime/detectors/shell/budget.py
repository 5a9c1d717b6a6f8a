"""How much work one text may cost. What lies beyond is undecidable, never an exception.

All bounds but that of the parser are counts: the answer for a text is the same on every machine.
"""

from __future__ import annotations

MAX_TEXT = 131_072
"""Characters of a text that are read."""

MAX_NESTED_TEXT = 4 * MAX_TEXT
"""Characters of all nested scripts together."""

MAX_STEPS = 150_000
"""Nodes of syntax trees that are evaluated."""

MAX_COMMANDS = 10_000
"""Commands that are looked at."""

MAX_DEPTH = 100
"""Scripts, substitutions and blocks in one another."""

MAX_CALLS = 16
"""Functions of the script that call one another."""

MAX_WORD = 65_536
"""Characters of one word or output that is put together."""

MAX_WORDS = 4_096
"""Words that one word of the text may become."""

MAX_ALTERNATIVES = 8
"""Values of a variable that are told apart."""

MAX_PIECE = 8_192
"""Characters, without quoted texts and here-documents, that are parsed at once; twice as many where
one command is longer."""

MAX_PARSE_SECONDS = 0.5
"""Time of the processor that the parser may take for one text."""


class BudgetSpent(Exception):
    """A bound is reached; the message says which, in words of the result."""


class Budget:
    """Counts the work done for one text."""

    __slots__ = ("commands", "nested", "steps")

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.commands = MAX_COMMANDS
        self.nested = MAX_NESTED_TEXT

    def step(self, cost: int = 1) -> None:
        """Pay for the evaluation of a node.

        Raises:
            BudgetSpent: the budget is used up.
        """
        self.steps -= cost
        if self.steps < 0:
            raise BudgetSpent("the script is too large to be read to its end")

    def command(self) -> None:
        """Pay for a command; raises as `step` does."""
        self.commands -= 1
        if self.commands < 0:
            raise BudgetSpent("the script has too many commands")

    def script(self, length: int) -> None:
        """Pay for parsing a nested script; raises as `step` does."""
        self.nested -= length + 16
        if self.nested < 0:
            raise BudgetSpent("the nested scripts are too long")
