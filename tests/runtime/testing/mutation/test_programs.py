"""The programs of mutants answer as the whole mutated policy does; the rest of the policy is
compiled once."""

from __future__ import annotations

import pickle
from typing import Any
from unittest.mock import patch

import pytest
from tests.differential.cases import make_case
from tests.differential.choices import SeededChoices
from tests.differential.comparisons import answer
from tests.differential.mutants import check_mutants
from tests.traces import calls, output, user

from policyc import Policy, PolicyError, TraceError
from policyc.api import Options
from policyc.compiler import codegen
from policyc.grammar.source import Source
from policyc.runtime.limits import Limits
from policyc.runtime.testing.mutation import programs
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.programs import PIECE, MutantPrograms


def test_mutants_of_generated_policies_answer_as_the_whole_policy_and_never_fail_unforeseen() -> (
    None
):
    """In bulk: `python -m tests.differential.run --only mutants`."""
    checked = 0
    for seed in range(20):
        case = make_case(SeededChoices(f"pieces{seed}"), tame=False, traces=2)
        try:
            checked += check_mutants(case, most=12)
        except PolicyError:
            continue
    assert checked > 100


RULES = "\n".join(
    f'raise "{number}" if:\n    (c: ToolCall)\n    c is tool:f({{n: *}})\n'
    f"    c.function.arguments.n > {number}"
    for number in range(PIECE + 5)
)
TRACE = [calls("f", n=PIECE + 2)]


def test_rules_beyond_one_piece() -> None:
    found = find_mutants([Source(RULES)], kinds=["rule-removed"])
    made = MutantPrograms(found.plan)
    assert len(made.pieces) == 2
    for mutant in (found.mutants[0], found.mutants[-1]):
        policy = Policy(made.of(mutant))
        names = [violation.message for violation in policy.analyze(TRACE)]
        expected = [str(x) for x in range(PIECE + 2) if x not in mutant.patch.numbers]
        assert names == expected


def test_for_each_mutant_only_what_it_changes_is_compiled() -> None:
    found = find_mutants([Source(RULES)], kinds=["number-changed"], rules=[3])
    made = MutantPrograms(found.plan)
    compiled: list[int] = []

    def counting(plan: Any, **options: Any) -> Any:
        compiled.append(len(plan.rules))
        return codegen.generate(plan, **options)

    with patch.object(programs, "generate", counting):
        for mutant in found.mutants:
            made.of(mutant)
    # The two pieces of the policy, one of them without the rule, and the rule for each mutant.
    assert sorted(compiled) == [1, 1, 5, PIECE - 1, PIECE]


def test_limits_hold_in_pieces() -> None:
    found = find_mutants([Source(RULES)], kinds=["rule-removed"], rules=[0])
    program = MutantPrograms(found.plan).of(found.mutants[0])
    policy = Policy(program, (), Options(limits=Limits(matches=1)))
    result = policy.analyze([*TRACE, *TRACE])
    assert {error.rule.name for error in result.errors} == {str(x) for x in range(1, PIECE + 2)}


def test_a_program_in_pieces_can_be_pickled() -> None:
    found = find_mutants([Source(RULES)], kinds=["rule-removed"], rules=[0])
    program = MutantPrograms(found.plan).of(found.mutants[0])
    again = Policy(pickle.loads(pickle.dumps(program)))
    assert answer(again.analyze(TRACE)) == answer(Policy(program).analyze(TRACE))


@pytest.mark.parametrize("event", [{"role": "assistant", "tool_calls": 5}, 5])
def test_a_malformed_event_is_refused_and_keeps_its_place(event: Any) -> None:
    source = (
        'raise "a" if:\n    (c: ToolCall) -> (d: ToolCall)\n'
        'raise "b" if:\n    (o: ToolOutput)\n    tool_call(o).function.name == "f"\n'
    )
    found = find_mutants([Source(source)], kinds=["flow-immediate"])
    policy = Policy(MutantPrograms(found.plan).of(found.mutants[0]))
    monitor = policy.monitor()
    monitor.append(calls("f"))
    with pytest.raises(TraceError):
        monitor.append(event)
    assert [v.ranges for v in monitor.append(output())] == [["2"]]
    with pytest.raises(TraceError):
        policy.analyze([user(), event])
