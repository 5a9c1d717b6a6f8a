"""What the compiler hands to the runtime: code as text, and the constants that the code needs, as
data.

Nothing here needs the compiler: a policy that was compiled before runs without loading it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(slots=True)
class Generated:
    """The code of a policy and what its runtime must know without looking at the plan.

    `batch`: the source of the search of whole traces, `feed`: that of the one event by event.
    `late`: rules whose verdict is decided at the end, and whether they have trace variables.
    `looking_back`: rules that ask about events before their own: which call an output answers, or
    how many were of some kind. `eager`: rules whose raised expression
    may fail. `needs_context`: the code calls the run for what it does not do itself.
    `keeps_events`: monitors must keep all events.
    """

    batch: str
    feed: str
    constants: dict[str, Any]
    names: tuple[str, ...]
    parameters: frozenset[str]
    """Those that it needs."""
    defaults: dict[str, Any]
    """Those that it can do without, and what they are then."""
    needs_context: bool
    keeps_events: bool
    late: dict[int, bool]
    looking_back: frozenset[int]
    eager: frozenset[int]

    @property
    def source(self) -> str:
        """All of the code."""
        return f"{self.batch}\n{self.feed}"


@dataclass(frozen=True, slots=True)
class PatternTest:
    """A constant that stands for the test of a pattern; `fullmatch` is that of a value pattern."""

    text: str
    operation: Literal["search", "match", "fullmatch"]


@dataclass(frozen=True, slots=True)
class Builtin:
    """A constant that stands for a built-in function, which is loaded with the program."""

    implementation: str


@dataclass(frozen=True, slots=True)
class DispatchTable:
    """Rules by the tool name that they are for, then by shape: the constants of each as a row.

    A shape is the name of a function that goes through rows.
    """

    tools: dict[str, dict[str, list[tuple[Any, ...]]]]
