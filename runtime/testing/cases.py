"""What a case file says: cases, each a trace and what the policy must answer on it.

Plain data, made by `case_reading` and complete: short forms are written out, labels are numbers of
events, tables are expanded, names of rules are resolved. Everything can be pickled. Lines are those
of the case file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyc.compiler.plan import RuleRef
    from policyc.grammar.source import Source

Events = list[dict[str, Any]]

ExpectedRisk = Literal["low", "medium", "high", "none"]
"""A risk level; `none` stands for a violation without one."""


@dataclass(frozen=True, slots=True)
class ExpectedViolation:
    """What is said about a violation; None: nothing is said about this part.

    `message`: with or without its risk tag. `ranges`, `marked`, `args`: all of them, ranges and
    marked texts in any order. `kwargs`: some of them.
    """

    line: int
    message: str | None = None
    rule: RuleRef | None = None
    risk: ExpectedRisk | None = None
    ranges: tuple[str, ...] | None = None
    marked: tuple[str, ...] | None = None
    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    key: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """What was said, in the form of the case file."""
        said = {
            "message": self.message,
            "rule": None if self.rule is None else self.rule.name,
            "risk": self.risk,
            "ranges": None if self.ranges is None else list(self.ranges),
            "marked": None if self.marked is None else list(self.marked),
            "args": self.args,
            "kwargs": self.kwargs,
            "key": self.key,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """A rule that must fail: which (None: any), and a part of the message (empty: any)."""

    line: int
    rule: RuleRef | None = None
    text: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What was said, in the form of the case file."""
        said = {"rule": None if self.rule is None else self.rule.name, "text": self.text or None}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come out: all violations (None: nothing is said about them), the index of the first
    event that blocks (None: as before), and the rules that fail, all of them."""

    violations: tuple[ExpectedViolation, ...] | None = None
    at: int | None = None
    errors: tuple[ExpectedError, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A trace and what is expected of it.

    `events`: the whole trace, or with `past` (else None) what is pending after it. `is_stream`: the
    policy gets the events one by one. `labels`: indexes in past + events by the names that the file
    gives them; an index counts each tool of a `tools` event. `skip`: why the case is not run.
    `timeout`: in seconds.
    """

    name: str
    line: int
    events: Events
    expectation: Expectation
    past: Events | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_stream: bool = False
    labels: Mapping[str, int] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    skip: str | None = None
    is_only: bool = False
    timeout: float | None = None

    @property
    def digest(self) -> str:
        """Tells cases apart by everything that their outcome depends on besides the policy."""
        parts = (self.events, self.past, dict(self.parameters), self.is_stream, self.expectation)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()

    @property
    def trace(self) -> Events:
        """All events, past and pending."""
        return [*(self.past or ()), *self.events]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The cases of a file in its order, and the policies that they are about, compiled as one.

    `depends_on`: every file that it was made from: itself, policies, traces.
    """

    path: str
    policies: tuple[Source, ...]
    cases: tuple[Case, ...]
    depends_on: tuple[str, ...] = ()
