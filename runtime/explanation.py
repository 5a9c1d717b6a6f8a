"""What `Policy.why` answers: why the rules of a policy fired on a trace, or did not.

Plain data with two forms: `to_dict()` for programs, a tree of lines for people. `why` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from policyc.grammar.printable import printable
from policyc.runtime.explanation_tree import Branch, LineStyle, draw
from policyc.runtime.observations import Binding, Observation, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence


class Status(StrEnum):
    """What a rule did: a rule that fired may have failed for other candidates as well."""

    FIRED = "fired"
    NOT_FIRED = "not fired"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class StepCount:
    """How many candidates came to a line, with all before it holding, and how many passed."""

    text: str
    line: int
    reached: int
    passed: int
    is_variable: bool
    """Whether the line brings a variable: `passed` is then the number of its candidates."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "line": self.line,
            "reached": self.reached,
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True)
class Model:
    """A violation: what it says, its objects, and the conditions that hold for them."""

    message: str
    binding: Binding

    def to_dict(self) -> dict[str, Any]:
        return {"message": self.message, **self.binding.to_dict()}


@dataclass(frozen=True, slots=True)
class Failure:
    """A candidate that could not be evaluated."""

    message: str
    line: int
    binding: Binding

    def to_dict(self) -> dict[str, Any]:
        return {"message": self.message, "line": self.line, **self.binding.to_dict()}


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """Why one rule did what it did.

    `number`: of the rule in the policy, from 1. `violations`: how many there are; `models` shows
    the first ones. Where there is none, `nearest` is the binding that came nearest, `culprit` the
    condition that was in the way, or the first of several. `is_alone`: without the culprit the
    rule would have fired. `others`: conditions that alone were in the way of other bindings.
    `counts`: how many candidates came how far, in the order of the search. `notes`: what was not
    looked at.
    """

    name: str
    path: str | None
    line: int
    number: int
    status: Status
    violations: int = 0
    models: tuple[Model, ...] = ()
    nearest: Binding | None = None
    culprit: Observation | None = None
    is_alone: bool = False
    others: tuple[Observation, ...] = ()
    counts: tuple[StepCount, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `policyc why --format json` prints."""
        return {
            "rule": {"name": self.name, "path": self.path, "line": self.line},
            "number": self.number,
            "status": self.status.value,
            "violations": self.violations,
            "models": [model.to_dict() for model in self.models],
            "nearest": None if self.nearest is None else self.nearest.to_dict(),
            "culprit": None if self.culprit is None else self.culprit.to_dict(),
            "alone": self.is_alone,
            "others": [other.to_dict() for other in self.others],
            "counts": [count.to_dict() for count in self.counts],
            "failures": [failure.to_dict() for failure in self.failures],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        return draw(self.tree())

    def tree(self) -> Branch:
        """The explanation as lines under one another."""
        place = f"line {self.line}" if self.path is None else f"{printable(self.path)}:{self.line}"
        head = f"rule {self.number} `{printable(self.name)}` ({place}) {self._verdict()}"
        root = Branch(head, _HEADS[self.status])
        for number, model in enumerate(self.models, 1):
            root.children.append(_violation(number, self.violations, model, self.line))
        for failure in self.failures:
            root.children.append(_failure(failure, self.line))
        if self.culprit is not None:
            root.children.append(self._reason(self.culprit))
        if self.nearest is not None:
            root.children.append(_nearest(self.nearest, self.line))
        if self.counts:
            root.children.append(_counts(self.counts))
        root.children.extend(Branch(note, "quiet") for note in self.notes)
        return root

    def _verdict(self) -> str:
        if self.status is Status.FIRED:
            return "fired once" if self.violations == 1 else f"fired {self.violations} times"
        return _VERDICTS[self.status]

    def _reason(self, culprit: Observation) -> Branch:
        inner = culprit.innermost()
        seen = () if self.nearest is None else self.nearest.conditions
        failed = sum(one.outcome in (Outcome.FALSE, Outcome.ERROR) for one in seen)
        if self.is_alone:
            what = "without it the rule would have fired"
        elif failed > 1:
            what = f"one of {failed} conditions that fail for the nearest candidate"
        else:
            what = "without it there is nothing to try the other conditions on"
        said = f"in the way: line {culprit.line}: {culprit.text}"
        branch = Branch(said, "error", [Branch(what, "plain")])
        if inner is not culprit:
            branch.children.append(Branch(f"because of line {inner.line}: {inner.text}", "error"))
        for other in self.others:
            said = f"for another candidate only line {other.line} is in the way: {other.text}"
            branch.children.append(Branch(said, "quiet"))
        return branch


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the rules of a policy fired or did not: an entry for each that was asked for.

    `str()` is a tree in plain text.
    """

    rules: tuple[RuleExplanation, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `policyc why --format json` prints."""
        return {"rules": [rule.to_dict() for rule in self.rules]}

    def __str__(self) -> str:
        if not self.rules:
            return "the policy has no rules"
        return "\n\n".join(map(str, self.rules))


# --- lines ---------------------------------------------------------------------------------------

_HEADS: dict[Status, LineStyle] = {
    Status.FIRED: "warning",
    Status.FAILED: "error",
    Status.NOT_FIRED: "strong",
    Status.UNDECIDED: "warning",
}

_VERDICTS = {
    Status.FAILED: "failed",
    Status.NOT_FIRED: "did not fire",
    Status.UNDECIDED: "was not decided",
}

_SIGNS: dict[Outcome, tuple[str, LineStyle]] = {
    Outcome.TRUE: ("✓ ", "good"),
    Outcome.FALSE: ("✗ ", "error"),
    Outcome.ERROR: ("! ", "error"),
    Outcome.UNKNOWN: ("? ", "quiet"),
    Outcome.VALUE: ("", "plain"),
}


def _violation(number: int, total: int, model: Model, line: int) -> Branch:
    said = f"violation {number} of {total}: {model.message}"
    return Branch(said, "strong", _lines(model.binding, line))


def _failure(failure: Failure, line: int) -> Branch:
    said = f"line {failure.line} has no value: {failure.message}"
    return Branch(said, "error", _lines(failure.binding, line))


def _nearest(nearest: Binding, line: int) -> Branch:
    failed = sum(seen.outcome is not Outcome.TRUE for seen in nearest.conditions)
    total = len(nearest.conditions)
    said = f"nearest candidate: {total - failed} of {total} conditions hold"
    return Branch(said, "strong", _lines(nearest, line))


def _lines(binding: Binding, line: int) -> list[Branch]:
    children = [_seen(seen, line) for seen in binding.variables]
    return children + [_seen(seen, line) for seen in binding.conditions]


def _seen(seen: Observation, line: int, *, in_full: bool = False) -> Branch:
    """An observation below something on a line; what holds is told `in_full` where asked for."""
    sign, style = _SIGNS[seen.outcome]
    place = f"line {seen.line}: " if seen.line != line and seen.outcome is not Outcome.VALUE else ""
    said = f"{sign}{place}{seen.text}"
    if seen.value is not None:
        said += f" = {seen.value}"
    below = {place for part in seen.parts for place in part.ranges}
    ranges = [place for place in seen.ranges if place not in below]
    if ranges:
        said += f"  [{', '.join(ranges)}]"
    if seen.outcome is Outcome.VALUE:
        said += f" ({seen.detail})" if seen.detail else ""
    if seen.outcome is Outcome.TRUE and not in_full and not _has_block(seen):
        return Branch(said, style)
    branch = Branch(said, style)
    if seen.detail and seen.outcome is not Outcome.VALUE:
        branch.children.append(Branch(seen.detail, "plain"))
    in_full = seen.outcome is not Outcome.TRUE
    branch.children.extend(_seen(part, seen.line, in_full=in_full) for part in seen.parts)
    return branch


def _has_block(seen: Observation) -> bool:
    """Whether what holds follows from more than its values: a block, or a side of an `or`."""
    if len(seen.parts) == 1 and seen.parts[0].outcome is Outcome.FALSE:
        return _has_block(seen.parts[0])
    return any(part.outcome is not Outcome.VALUE or _has_block(part) for part in seen.parts)


def _counts(counts: Sequence[StepCount]) -> Branch:
    branch = Branch("candidates", "strong")
    group = branch
    for count in counts:
        if count.is_variable:
            said = f"{count.passed} for" if count.reached else "none comes to"
            group = Branch(f"{said} {count.text}", "plain" if count.passed else "quiet")
            branch.children.append(group)
            continue
        passed = f"{count.passed} of {count.reached} pass" if count.reached else "none comes to"
        style: LineStyle = "plain" if count.passed else "quiet"
        group.children.append(Branch(f"{passed} line {count.line}: {count.text}", style))
    return branch
