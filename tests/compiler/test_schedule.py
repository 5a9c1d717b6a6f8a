"""Schedules: which conditions a search may use early, and which it must leave for the end."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.compiler.pipeline import compile_sources
from policyc.compiler.schedule import Schedule, Scheduler
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue

HEAD = """from invariant import count, forall

SIZE := len(input.data)

exists(t: str) :=
    (x: Message)
    x.content == t

plain(t: str) := len(t) > 3

"""


def schedule(*lines: str) -> Schedule:
    """The schedule of a rule with these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    functions: dict[str, Any] = {"own": lambda *_: True}
    source = Source(f'{HEAD}raise "x" if:\n{body}', None)
    plan = compile_sources([source], catalogue(functions)).require()
    return Scheduler(plan).schedule(plan.rules[0])


def alpha(found: Schedule) -> dict[str, int]:
    """How many conditions each variable has on its own."""
    return {name: len(conditions) for name, conditions in found.alpha.items()}


def test_conditions_of_one_variable_are_tested_before_it_is_remembered() -> None:
    found = schedule(
        "(a: ToolOutput) -> (b: ToolCall)",
        '"x" in a.content',
        "a.content is not None",
        'b is tool:send({to: "bob"})',
    )

    # A tool pattern is two conditions: the name first, which finds the rule, then the arguments.
    assert alpha(found) == {"a": 2, "b": 2}
    assert len(found.joins) == 1
    assert not (found.has_tail or found.is_late or found.needs_history or found.fallible)


def test_assigned_names_are_put_in_place() -> None:
    found = schedule(
        "(a: ToolCall)",
        "to := a.function.arguments.to",
        "(b: ToolOutput)",
        'to == "bob"',
        "to == b.content",
    )

    assert alpha(found) == {"a": 1, "b": 0}
    assert len(found.joins) == 1
    assert not found.has_tail


def test_what_is_about_several_variables_and_cannot_fail_is_a_join() -> None:
    found = schedule(
        "(a: Message)",
        "(b: ToolCall)",
        "a.content == b.function.arguments.x",
        "not (a -> b)",
        'a.content == "x" or b is tool:f',
    )

    assert len(found.joins) == 3
    assert not found.has_tail


def test_a_relation_that_may_fail_is_decided_at_the_end() -> None:
    found = schedule(
        "(a: ToolCall)",
        "(b: ToolCall)",
        "a.function.arguments.x > b.function.arguments.x",
        "a is tool:f",
    )

    assert found.has_tail
    assert found.joins == []
    # What stands below it must not hide its failure.
    assert alpha(found) == {"a": 0, "b": 0}


@pytest.mark.parametrize(
    "line",
    [
        "own(a)",
        "any([w == a.content for w in ['x']])",
        "plain(a.content)",
        "a.content contains_only ['x']",
        'f"{a.content}" == "x"',
        "{k: a.content} == {'k': 1}",
    ],
)
def test_what_is_not_compiled_is_decided_at_the_end(line: str) -> None:
    above, below = schedule("(a: Message)", line), schedule("(a: Message)", "a.role == 'x'", line)

    assert above.has_tail and below.has_tail
    assert (alpha(above), alpha(below)) == ({"a": 0}, {"a": 1})
    assert not above.is_late


def test_a_condition_that_may_fail_is_known_to() -> None:
    alone = schedule("(a: ToolCall)", "a.function.arguments.n > 5", "a is tool:f")
    first = schedule("(a: ToolCall)", "a.function.arguments.n > 5", "(b: Message)", "a -> b")
    later = schedule("(a: ToolCall)", "(b: Message)", "a.function.arguments.n > 5")

    assert alone.fallible == first.fallible == later.fallible == {"a"}
    # Whether its failure counts depends on lines about other variables only where there are any.
    assert [x.needs_history for x in (alone, first, later)] == [False, False, True]


@pytest.mark.parametrize(
    ("lines", "is_late"),
    [
        (["len(input.data) > 3"], True),
        (["(m: Message)", "SIZE > 3"], True),
        (["(m: Message)", "exists(m.content)"], True),
        (["(m: Message)", "plain(m.content)"], False),
        (["(m: Message)", "input.name == m.content"], False),
        (["(i: Input)"], True),
        (["(m: Message)", "(t: str) in input.data"], True),
        (["(m: Message)", "n := SIZE + 1"], True),
        (["(m: Message)", "count(min=1):\n        (c: ToolCall)"], True),
        (["input.name == 'x'"], False),
    ],
)
def test_rules_that_ask_about_the_whole_trace_are_late(lines: list[str], is_late: bool) -> None:
    assert schedule(*lines).is_late is is_late


@pytest.mark.parametrize(
    ("quantifier", "is_gate"),
    [
        ("count(min=2):\n        (c: ToolCall)\n        c is tool:f", True),
        ("not count(min=2, max=4):\n        (c: ToolCall)\n        c is tool:f", True),
        ("forall:\n        (c: ToolCall)\n        c is tool:f", True),
        ("count(min=1):\n        (c: ToolCall) -> (d: ToolCall)\n        c is tool:f", True),
        ("forall:\n        (c: ToolCall) -> (d: ToolCall)\n        c is tool:f", False),
        ("count(min=1):\n        (c: ToolCall)\n        c.function.arguments.n > 5", False),
        ("count(min=1):\n        (c: ToolCall)\n        c -> m", True),
        ("forall:\n        (c: ToolCall)\n        c -> m", False),
        ("count(min=1):\n        (c: ToolCall)\n        own(c)", False),
        ("count(min=input.n):\n        (c: ToolCall)", False),
        ("count(min=1):\n        (t: str) in ['a']", False),
    ],
)
def test_quantifiers_of_simple_blocks_are_running_counts(quantifier: str, is_gate: bool) -> None:
    found = schedule("(m: Message)", "m.role == 'user'", quantifier)

    assert bool(found.gates) is is_gate
    assert found.has_tail is not is_gate
    assert alpha(found) == {"m": 1}


def test_a_count_below_what_may_fail_is_no_gate() -> None:
    found = schedule("(m: Message)", "own(m)", "count(min=2):\n        (c: ToolCall)")

    assert not found.gates and found.has_tail


def test_variables_that_are_declared_below_what_may_fail() -> None:
    assert schedule("(m: Message)", "own(m)", "(c: ToolCall)").may_end_early
    assert not schedule("(m: Message)", "(c: ToolCall)", "own(m)").may_end_early
    assert not schedule("(m: Message)", "m.role == 'x'", "(c: ToolCall)").may_end_early
