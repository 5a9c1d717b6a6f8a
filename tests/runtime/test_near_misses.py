"""The search for near misses: it agrees with trying every condition alone, and it ends."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from tests.differential.cases import make_case
from tests.differential.choices import SeededChoices
from tests.differential.policy_makers import PARAMETERS
from tests.traces import assistant, call, output, user

from policyc import Policy, PolicyError, TraceError
from policyc.compiler import plan as p
from policyc.runtime.budgeted import BudgetedInterpreter
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame, Interpreter
from policyc.runtime.near_misses import NearMisses, Search

if TYPE_CHECKING:
    from tests.traces import Event


def search(source: str, trace: list[Event], work: int = 200_000) -> tuple[Search, int]:
    """The near misses of the first rule, and the evaluations that they took."""
    engine = Policy.from_string(source)._engine
    history = History(trace)
    interpreter = BudgetedInterpreter(engine.plan, history, {}, engine.load, monotonic() + 60)
    block = interpreter.plan.rules[0].block
    return NearMisses(interpreter).search(block, Frame(), work), interpreter.work


def long_trace(events: int) -> list[Event]:
    trace: list[Event] = []
    for number in range(events // 3):
        identifier = f"c{number}"
        trace.append(user(f"question {number}"))
        trace.append(assistant(call("ask", {"n": number}, identifier)))
        trace.append(output(f"answer {number}", identifier))
    return trace


def droppable(policy: Policy, rule: p.RulePlan, trace: list[Event]) -> set[int]:
    """The steps of a rule without which nested loops find a model."""
    interpreter = Interpreter(policy._engine.plan, History(trace), PARAMETERS, policy._engine.load)
    steps = rule.block.steps
    found = set()
    for number, step in enumerate(steps):
        if isinstance(step, p.Check):
            block = p.Block((*steps[:number], *steps[number + 1 :]), rule.block.variables)
            models = interpreter.models(block, Frame(), lambda *_: None)
            if next(models, None) is not None:
                found.add(number)
    return found


def explained(seed: int) -> list[tuple[bool, set[str], set[str]]]:
    """For each rule that did not fire: whether one condition is named, the named, the right."""
    case = make_case(SeededChoices(seed), tame=False, traces=2)
    try:
        policy = Policy.from_string(case.policy.source)
    except PolicyError:
        return []
    answers = []
    for trace in case.traces:
        try:
            rules = policy.why(trace, **PARAMETERS).rules
        except TraceError:
            continue
        for found in rules:
            if found.status != "not fired" or found.notes:
                continue
            assert found.culprit is not None
            rule = policy._engine.plan.rules[found.number - 1]
            source = policy._engine.plan.sources[0]
            lines = {
                str(source.position(rule.block.steps[number].span.start).line)
                for number in droppable(policy, rule, trace)
            }
            named = {found.culprit, *found.others} if found.is_alone else set()
            answers.append((found.is_alone, {str(one.line) for one in named}, lines))
    return answers


def test_a_condition_is_named_alone_exactly_where_the_rule_fires_without_it() -> None:
    answers = [answer for seed in range(60) for answer in explained(seed)]
    for is_alone, named, right in answers:
        assert is_alone == bool(right)
        assert named <= right
    assert sum(is_alone for is_alone, _, _ in answers) > 20


# --- bounds -------------------------------------------------------------------------------------

_CHAIN = """raise "x" if:
    (m: Message) -> (c: ToolCall)
    c -> (o: ToolOutput)
    m.role == "user"
    c is tool:asks
    "answer" in o.content
"""

_PRODUCT = """raise "x" if:
    (a: Message)
    (b: ToolCall)
    (c: ToolOutput)
    len(a.content) + b.function.arguments.n + len(c.content) == 100000
"""

_QUANTIFIER = """from invariant import count
raise "x" if:
    (a: Message)
    (b: ToolCall)
    a -> b
    count(min=5000):
        (c: ToolOutput) -> (d: ToolOutput)
        b -> c
"""


def test_a_chain_over_a_long_trace_is_searched_completely() -> None:
    """600 events have 200 * 200 * 200 combinations; those of two neighbours are enough."""
    found, work = search(_CHAIN, long_trace(600), work=1_000_000)
    assert found.notes == []
    (near,) = found.near
    assert near.failed == {6}
    assert [near.frame.values[name].index for name in "mco"] == [597, 598, 599]
    assert work < 200_000


@pytest.mark.parametrize("source", [_PRODUCT, _QUANTIFIER])
def test_what_is_too_much_is_cut_and_told(source: str) -> None:
    found, work = search(source, long_trace(999), work=50_000)
    assert work <= 50_100
    assert any(note.startswith("looked at ") for note in found.notes)
    assert found.near


def test_a_condition_that_takes_all_the_work_is_not_blamed() -> None:
    found, _ = search(_QUANTIFIER, long_trace(60), work=100)
    (near,) = found.near
    assert near.failed == frozenset()
    assert found.never == frozenset()


def test_explaining_a_long_trace_takes_little_more_than_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("policyc.runtime.why.WORK", 20_000)
    monkeypatch.setattr("policyc.runtime.why.SECONDS", 60.0)
    (found,) = Policy.from_string(_PRODUCT).why(long_trace(99)).rules
    assert found.status == "not fired"
    assert found.culprit is not None
    assert any("looked at" in note for note in found.notes)


def test_an_explanation_of_what_was_stopped_has_a_culprit_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("policyc.runtime.why.WORK", 20_000)
    monkeypatch.setattr("policyc.runtime.why.SECONDS", 20.0)
    (found,) = Policy.from_string(_PRODUCT).why(long_trace(999)).rules
    assert found.status == "undecided"
    assert found.culprit is not None
    assert any("looked at" in note for note in found.notes)


def test_an_analysis_that_takes_too_long_is_stopped_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("policyc.runtime.why.SECONDS", 0.05)
    (found,) = Policy.from_string(_QUANTIFIER).why(long_trace(300)).rules
    assert found.status == "undecided"
    assert "the analysis was stopped after 0.05 seconds" in found.notes


def counts(source: str, trace: list[Event]) -> dict[str, tuple[int, int]]:
    (found,) = Policy.from_string(source).why(trace).rules
    return {count.text: (count.reached, count.passed) for count in found.counts}


def test_combinations_that_are_searched_together_are_counted_one_by_one() -> None:
    """Many messages stand for one group of the search where nothing later asks about them."""
    found = counts(
        """raise "x" if:
    (m: Message)
    (c: ToolCall)
    (o: ToolOutput)
    m -> c
    c -> o
    o.content == "none"
""",
        long_trace(30),
    )
    outputs: Any = found["o: ToolOutput"]
    assert outputs == (1, 10)
    assert found["m -> c"] == (20 * 10, sum(2 * number - 1 for number in range(1, 11)) + 10)
    assert found['o.content == "none"'] == (10, 0)
