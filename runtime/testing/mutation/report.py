"""What a hunt tells about policies and their cases: scores, and the mutants that no case noticed.

`report_of` makes it of hunts; `to_dict` is its JSON form, `as_text` the one for people.
"""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policyc.grammar.printable import printable
from policyc.grammar.strings import read_string
from policyc.runtime.excerpts import one_line
from policyc.runtime.excerpts import shown as shown_text
from policyc.runtime.testing.mutation.hunt import Verdict
from policyc.runtime.testing.mutation.mutants import Counts
from policyc.runtime.testing.mutation.operators.registry import BY_NAME, OPERATORS
from policyc.runtime.testing.mutation.samples import telling_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyc.grammar.source import Source
    from policyc.runtime.testing.mutation.hunt import Fate, Hunt
    from policyc.runtime.testing.mutation.mutants import Mutant, MutantSet

CONTEXT = 1
"""Lines of the policy above and below a change that a diff shows."""


@dataclass(frozen=True, slots=True)
class Score:
    """How many mutants became what.

    `equivalent` and `duplicate` are changes that made no mutant: proven to mean what the policy
    means, or what another mutant means. `refused` ones are no policies.
    """

    killed: int = 0
    timeouts: int = 0
    survived: int = 0
    not_reached: int = 0
    equivalent: int = 0
    duplicate: int = 0
    refused: int = 0

    @property
    def mutants(self) -> int:
        return self.killed + self.timeouts + self.survived + self.not_reached

    @property
    def value(self) -> float | None:
        """The part of the mutants that the cases notice, from 0 to 1; None where there are none."""
        noticed = self.killed + self.timeouts
        return noticed / self.mutants if self.mutants else None

    def __add__(self, other: Score) -> Score:
        return Score(
            self.killed + other.killed,
            self.timeouts + other.timeouts,
            self.survived + other.survived,
            self.not_reached + other.not_reached,
            self.equivalent + other.equivalent,
            self.duplicate + other.duplicate,
            self.refused + other.refused,
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "score": self.value,
            "mutants": self.mutants,
            "killed": self.killed,
            "timeouts": self.timeouts,
            "survived": self.survived,
            "not_reached": self.not_reached,
            "equivalent": self.equivalent,
            "duplicate": self.duplicate,
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no case noticed.

    `line` is the first that changes, `rules` are the names of the rules that it changes, `diff` is
    the change as a unified diff of the policy, and `hint` says which case is missing.
    """

    id: str
    kind: str
    path: str | None
    line: int
    rules: tuple[str, ...]
    is_reached: bool
    diff: str
    hint: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "path": self.path,
            "line": self.line,
            "rules": list(self.rules),
            "reached": self.is_reached,
            "diff": self.diff,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """What is known of one policy file. `kinds` are in the order of the operators; those without a
    single change are left out."""

    path: str | None
    score: Score
    kinds: tuple[tuple[str, Score], ...]
    survivors: tuple[Survivor, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            **self.score.to_dict(),
            "kinds": {name: score.to_dict() for name, score in self.kinds},
            "survivors": [survivor.to_dict() for survivor in self.survivors],
        }


@dataclass(frozen=True, slots=True)
class MutationReport:
    """What is known of some policy files."""

    policies: tuple[PolicyReport, ...]

    @property
    def score(self) -> Score:
        """That of all files together."""
        return sum((policy.score for policy in self.policies), Score())

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            **self.score.to_dict(),
            "policies": [policy.to_dict() for policy in self.policies],
        }


def report_of(hunts: Iterable[Hunt]) -> MutationReport:
    """The report on some hunts: an entry for each file of each policy."""
    return MutationReport(
        tuple(
            _policy(hunt, number, source)
            for hunt in hunts
            for number, source in enumerate(hunt.found.sources)
        )
    )


def _policy(hunt: Hunt, number: int, source: Source) -> PolicyReport:
    fates = [fate for fate in hunt.fates if fate.mutant.source == number]
    kinds = []
    for operator in OPERATORS:
        left_out = hunt.found.left_out.get((number, operator.name), Counts())
        score = _score([x for x in fates if x.mutant.kind == operator.name], left_out)
        if score != Score():
            kinds.append((operator.name, score))
    return PolicyReport(
        source.path,
        sum((score for _, score in kinds), Score()),
        tuple(kinds),
        tuple(
            _survivor(hunt.found, fate)
            for fate in fates
            if fate.verdict in (Verdict.SURVIVED, Verdict.NOT_REACHED)
        ),
    )


def _score(fates: Sequence[Fate], left_out: Counts) -> Score:
    counted = Counter(fate.verdict for fate in fates)
    return Score(
        counted[Verdict.KILLED],
        counted[Verdict.TIMEOUT],
        counted[Verdict.SURVIVED],
        counted[Verdict.NOT_REACHED],
        left_out.equivalent,
        left_out.duplicate,
        left_out.refused,
    )


def _survivor(found: MutantSet, fate: Fate) -> Survivor:
    mutant = fate.mutant
    source = found.sources[mutant.source]
    is_reached = fate.verdict is Verdict.SURVIVED
    hint = hint_for(mutant) if is_reached else "no case comes to the rule or condition at all"
    names = tuple(rule.ref.name for rule in mutant.patch.rules)
    diff = diff_of(mutant, source)
    return Survivor(mutant.id, mutant.kind, source.path, mutant.line, names, is_reached, diff, hint)


def hint_for(mutant: Mutant) -> str:
    """Which case is missing where no case notices a mutant."""
    words = {
        "condition": mutant.condition,
        "before": mutant.original,
        "after": mutant.replaced,
    }
    shown = {name: printable(one_line(text)) for name, text in words.items()}
    return BY_NAME[mutant.kind].hint.format(**shown, sample=_sample(mutant))


def _sample(mutant: Mutant) -> str:
    """A text that tells the patterns before and after apart, as a part of a sentence."""
    for use in sorted(mutant.uses):
        text = telling_text(read_string(mutant.original), read_string(mutant.replaced), use)
        if text is not None:
            return f", such as {shown_text(text)}"
    return ""


def diff_of(mutant: Mutant, source: Source) -> str:
    """A unified diff from the policy to a mutant."""
    name = source.name
    lines = difflib.unified_diff(
        source.text.splitlines(),
        mutant.text(source).splitlines(),
        name,
        name,
        n=CONTEXT,
        lineterm="",
    )
    return "\n".join(lines)


# --- for people -----------------------------------------------------------------------------------


def as_text(report: MutationReport) -> str:
    """The report as lines: survivors by file, then a table of the kinds, then the scores."""
    parts = [_survivor_text(found) for policy in report.policies for found in policy.survivors]
    parts.append("\n".join(_table(report)))
    return "\n\n".join(parts) + "\n"


def _survivor_text(found: Survivor) -> str:
    where = f"{printable(found.path or '<policy>')}:{found.line}"
    state = "survived" if found.is_reached else "not reached"
    diff = "\n".join(f"  {printable(line)}" for line in found.diff.splitlines()[2:])
    return f"{where}: {found.kind} {state}\n{diff}\n  missing: {found.hint}"


_COLUMNS = ("mutants", "killed", "timeouts", "survived", "not reached", "score")


def _table(report: MutationReport) -> list[str]:
    kinds: dict[str, Score] = {}
    for policy in report.policies:
        for name, score in policy.kinds:
            kinds[name] = kinds.get(name, Score()) + score
    rows = [(op.name, kinds[op.name]) for op in OPERATORS if op.name in kinds]
    lines = _rows("kind", [(name, score) for name, score in rows if score.mutants])
    policies = [(printable(x.path or "<policy>"), x.score) for x in report.policies]
    if len(policies) > 1:
        policies.append(("all", report.score))
    lines += ["", *_rows("policy", policies)]
    total = report.score
    left_out = [
        f"{number} {what}"
        for number, what in (
            (total.equivalent, "proven to change nothing"),
            (total.duplicate, "the same as another"),
            (total.refused, "no policy"),
        )
        if number
    ]
    if left_out:
        lines += ["", f"left out: {', '.join(left_out)}"]
    return lines


def _rows(title: str, rows: Sequence[tuple[str, Score]]) -> list[str]:
    width = max(len(title), *(len(name) for name, _ in rows), 0) if rows else len(title)
    lines = ["  ".join([title.ljust(width), *_COLUMNS])]
    for name, score in rows:
        cells = (score.mutants, score.killed, score.timeouts, score.survived, score.not_reached)
        shown = [*map(str, cells), percent(score.value)]
        aligned = [cell.rjust(len(head)) for cell, head in zip(shown, _COLUMNS, strict=True)]
        lines.append("  ".join([name.ljust(width), *aligned]))
    return lines


def percent(value: float | None) -> str:
    """A score in per cent, rounded down: 100% means all."""
    return "-" if value is None else f"{int(value * 1000) / 10:.1f}%"
