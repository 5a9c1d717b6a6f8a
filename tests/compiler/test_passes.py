"""Passes: each on what it is for, and all on generated policies that were made more complicated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.differential.cases import make_case
from tests.differential.choices import SeededChoices
from tests.differential.comparisons import answer

from policyc import PolicyError
from policyc.api import Options, Policy
from policyc.compiler import plan as p
from policyc.compiler.codegen import generate
from policyc.compiler.passes.registry import PASSES, simplified
from policyc.compiler.pipeline import compile_sources
from policyc.compiler.plan_text import plan_text
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from policyc.runtime.program import Program

if TYPE_CHECKING:
    from tests.differential.choices import Choices


def plan_of(source: str) -> p.Plan:
    return compile_sources([Source(source)], catalogue(None)).require()


def lines(plan: p.Plan) -> list[str]:
    """The conditions of the first rule, as `policyc plan` shows them."""
    return [line.strip() for line in plan_text(plan).splitlines() if line.strip().startswith("if")]


RULE = 'from invariant import count, forall\nraise "x" if:\n    (m: Message)\n'


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        ("constants", "1 < 2 and m.role == 'a'", ["if True", 'if m.role == "a"']),
        ("constants", "m.role == ('a' if 2 > 1 else 'b')", ['if m.role == "a"']),
        ("constants", "m.role == 'a' or 1 == 2 or m.role == 'b'", None),
        ("constants", "1 + 2 * 3 == len(m.content)", ["if 7 == len(m.content)"]),
        ("constants", "not -(1) < 0", ["if False"]),
        ("negations", "not not m.role == 'a'", ['if m.role == "a"']),
        ("negations", "not not not m.content", ["if not m.content"]),
        ("negations", "[not not x for x in m.content]", ["if [not (not x) for x in m.content]"]),
        ("branches", "True", []),
        ("branches", "False\n    m.role == 'a'", ["if False"]),
        ("repeats", "m.role == 'a'\n    m.role == 'a'", ['if m.role == "a"']),
        ("repeats", "m.role == 'a' or m.role == 'a'", ['if m.role == "a"']),
        (
            "repeats",
            "(m.role or m.role or m.content or m.role or m.role) != 1",
            ["if (m.role or m.content or m.role) != 1"],
        ),
        ("repeats", "print(m) or print(m)", ["if print(m) or print(m)"]),
    ],
)
def test_a_pass(name: str, line: str, expected: list[str] | None) -> None:
    (known,) = [x for x in PASSES if x.name == name]
    plan = known.run(plan_of(f"{RULE}    {line}\n"))
    if expected is None:
        expected = ['if (m.role == "a") or (m.role == "b")']
    assert lines(plan) == expected


@pytest.mark.parametrize(
    "line",
    [
        "'a' in m.content or True",
        "True or 'a' in m.content",
        "not not count(min=1):\n        (n: Message)",
        "not forall:\n        (n: Message)\n        False\n        n.role.x > 1",
        "(m.content and True) != 'a'",
        "(m.content or m.role or m.content) != 'a'",
        "m.content is 1\n    m.content is True",
    ],
)
def test_what_would_change_marks_or_failures_stays(line: str) -> None:
    plan = plan_of(f"{RULE}    {line}\n")
    assert simplified(plan) == plan


def test_a_policy_without_such_things_is_the_same() -> None:
    plan = plan_of(f"{RULE}    m.role == 'a'\n    'b' in m.content\n")
    assert simplified(plan) == plan


def complicated(plan: p.Plan, choices: Choices) -> p.Plan:
    """The plan with much that the passes remove."""
    true, false = p.Literal(True), p.Literal(False)

    def wrapped(condition: p.Expr) -> p.Expr:
        forms: tuple[p.Expr, ...] = (
            condition,
            p.And((p.Cmp("<", p.Literal(1), p.Literal(2)), condition)),
            p.Or((false, condition)),
            p.If(p.Not(false), condition, p.Cmp("<", p.Literal(1), p.Literal("a"))),
            p.And((condition, condition)),
            p.Or((condition, condition)),
        )
        if not isinstance(condition, p.Quantified):
            forms = (*forms, p.Not(p.Not(condition)))
        return choices.pick(forms)

    def change(node: p.PlanNode) -> p.PlanNode:
        if not isinstance(node, p.Block):
            return node
        steps: list[p.Step] = []
        for step in node.steps:
            if isinstance(step, p.Check):
                step = replace(step, condition=wrapped(step.condition))
                steps += [step] * choices.pick((1, 1, 2))
                steps += [p.Check(true)] * choices.pick((0, 0, 1))
            else:
                steps.append(step)
        if choices.chance(5):
            steps.insert(choices.below(len(steps) + 1), p.Check(false))
        return replace(node, steps=tuple(steps))

    return replace(
        plan,
        rules=tuple(p.rewrite(rule, change) for rule in plan.rules),
        predicates=tuple(p.rewrite(predicate, change) for predicate in plan.predicates),
    )


def answers(plan: p.Plan, traces: list[Any], parameters: dict[str, Any], boundary: int) -> Any:
    """What both engines say of whole traces, of their ends, and event by event."""
    program = Program(plan, generate(plan))
    found = []
    for options in (Options(), Options(optimize=False)):
        policy = Policy(program, (), options)
        for trace in traces:
            at = len(trace) * boundary // 100
            monitor = policy.monitor(**parameters)
            found.append(answer(policy.analyze(trace, **parameters)))
            found.append(answer(policy.analyze_pending(trace[:at], trace[at:], **parameters)))
            found += [answer(monitor.append(event)) for event in trace]
    return found


def test_simplified_plans_answer_as_those_that_they_were_made_of() -> None:
    simpler = 0
    for seed in range(60):
        choices = SeededChoices(f"passes{seed}")
        case = make_case(choices, tame=False, traces=2)
        try:
            plan = complicated(plan_of(case.policy.source), choices)
        except PolicyError:
            continue
        simple = simplified(plan)
        simpler += simple != plan
        args = (case.traces, case.parameters, case.boundary)
        assert answers(simple, *args) == answers(plan, *args), case.policy.source
    assert simpler > 40
