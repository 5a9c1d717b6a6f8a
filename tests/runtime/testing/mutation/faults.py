"""Single faults in policies: mutants because of which a rule does not fire any more on a trace that
it must fire on.

The policies are those of `tests/runtime/faults.py`, and three with blocks that must not hold, where
a condition that is too weak keeps a rule from firing. Of each kind of mutant one is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tests.runtime.faults import RIGHT
from tests.traces import assistant, call, output, user

from policyc import Policy
from policyc.grammar.source import Source
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.programs import MutantPrograms

if TYPE_CHECKING:
    from tests.traces import Event

    from policyc.runtime.testing.mutation.mutants import Mutant

FAULTS = 30


@dataclass(frozen=True)
class Fault:
    """A faulty policy, and a trace that its rule does not fire on. `lines` are those where it is
    faulty: the line itself, and the heads of the blocks that it stands in."""

    mutant: Mutant
    policy: Policy
    trace: list[Event]
    lines: frozenset[int]


def step(name: str, identifier: str, answer: object, **arguments: object) -> list[Event]:
    return [assistant(call(name, arguments, identifier)), output(answer, identifier)]


GOOD = {"passed": 12, "failed": []}
RELEASE: list[Event] = [
    user("Please release version 2"),
    *step("run_tests", "a1", GOOD, suite="full.1", level=1),
    *step("lint", "a2", GOOD, suite="full.1", level=2),
    assistant(call("run_tests", {"suite": "full.1", "level": 2}, "a3")),
    user("Are you done?"),
    output(GOOD, "a3"),
    *step("run_tests", "a4", {"passed": 10, "failed": []}, suite="full.1", level=2),
    *step("run_tests", "a5", GOOD, suite="full-1", level=2),
    *step("run_tests", "a6", GOOD, suite="xfull.1", level=2),
    *step("release_now", "a7", "released", version=2),
]

POLICIES = {
    **RIGHT,
    "released without tests": (
        """from invariant import count

raise "untested" if:
    (c: ToolCall)
    c is tool:release_*
    count(max=0):
        (t: ToolCall) ~> (o: ToolOutput)
        t -> c
        t is tool:run_tests({suite: "full\\.1", level: 2})
        o.content.passed > 10
""",
        RELEASE,
    ),
    "released without a word": (
        """from invariant import count

raise "not asked" if:
    (c: ToolCall)
    c is tool:release_*
    not count(min=3):
        (m: Message)
        m.role == "user"
""",
        RELEASE,
    ),
    "released by nobody": (
        """raise "nobody" if:
    (c: ToolCall)
    c is tool:release_*
    not c is tool:*({by: "[a-z]+"})
""",
        [event for event in RELEASE if event["role"] != "tool"],
    ),
}


def drawn_faults(seed: int) -> list[Fault]:
    """A fault of each kind, and more of kinds that are drawn again, `FAULTS` in all."""
    random = Random(seed)
    by_kind: dict[str, list[Fault]] = {}
    for source, trace in POLICIES.values():
        for fault in _faults(source, trace):
            by_kind.setdefault(fault.mutant.kind, []).append(fault)
    drawn = [random.choice(by_kind[kind]) for kind in sorted(by_kind)]
    while len(drawn) < FAULTS:
        fault = random.choice(by_kind[random.choice(sorted(by_kind))])
        if fault not in drawn:
            drawn.append(fault)
    return drawn


def _faults(text: str, trace: list[Event]) -> list[Fault]:
    source = Source(text)
    found = find_mutants([source])
    programs = MutantPrograms(found.plan)
    faults = []
    for mutant in found.mutants:
        policy = Policy(programs.of(mutant))
        result = policy.analyze(trace)
        if not result.violations:
            faults.append(Fault(mutant, policy, trace, _lines(source, mutant)))
    return faults


def _lines(source: Source, mutant: Mutant) -> frozenset[int]:
    lines = {mutant.line}
    indent = _indent(source.line(mutant.line))
    for number in range(mutant.line, 0, -1):
        line = source.line(number)
        if line.strip() and _indent(line) < indent:
            indent = _indent(line)
            if indent:
                lines.add(number)
    return frozenset(lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
