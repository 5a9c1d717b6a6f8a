"""Plans as text: every kind of step and expression has a form that a person can read."""

from __future__ import annotations

import pytest

from policyc.compiler.pipeline import compile_sources
from policyc.compiler.plan_text import plan_text
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue


def lines(text: str) -> list[str]:
    plan = compile_sources([Source(text, "a.inv")], catalogue()).require()
    return plan_text(plan).splitlines()


def test_a_rule_with_its_risk_parameters_and_steps() -> None:
    text = (
        'raise Violation("sent [risk=high]", to=to) if:\n'
        "    (c: ToolCall)\n"
        '    c is tool:send_*({to: *, body: [1, "a.*"]})\n'
        "    to := c.function.arguments.to\n"
        "    (word: str) in to.split()\n"
        "    not word in input.allowed\n"
    )
    assert lines(text) == [
        'rule 0 "sent" at a.inv:1',
        "    risk high",
        "    needs input.allowed",
        "    for c in every ToolCall",
        "    if c is tool:send_*",
        '    if c is tool:*({"to": *, "body": [equal to 1, "a.*"]})',
        "    let to = c.function.arguments.to",
        "    for word in every str of to.split()",
        "    if not (word in input.allowed)",
        '    raise Violation("sent [risk=high]", to=to)',
    ]


def test_predicates_constants_flows_and_quantifiers() -> None:
    text = (
        "from invariant import count, forall\n"
        'words := ["a", "b"] + ["c"]\n'
        "bad(m: Message) :=\n"
        "    any([w in m.content for w in words])\n"
        'raise "x" if:\n'
        "    (a: Message) -> (b: Message)\n"
        "    a ~> b or bad(b)\n"
        "    count(min=2, max=3):\n"
        "        (c: ToolCall)\n"
        "        b -> c\n"
        "    not forall:\n"
        "        (d: Message)\n"
        '        d.role == "user"\n'
    )
    assert lines(text) == [
        'constant words = ["a", "b"] + ["c"]',
        "",
        "predicate bad(m)",
        "    if any([w in m.content for w in words])",
        "",
        'rule 0 "x" at a.inv:5',
        "    for a in every Message",
        "    for b in every Message",
        "    if a -> b",
        "    if (a ~> b) or bad(b)",
        "    if count(min=2, max=3):",
        "        for c in every ToolCall",
        "        if b -> c",
        "    if not forall:",
        "        for d in every Message",
        '        if d.role == "user"',
        '    raise "x"',
    ]


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        ("m.content[0] == -1", None),
        ('m.content == ("a" if m.metadata else None)', None),
        ('{"k": m.role, "l": [1.5, True]} == input', None),
        ('f"a{m.role:5}b" == m.content', None),
        ("max(1, 2, key=len) == m.content", None),
        ("not 1 < len(m.role) < 5", "not ((1 < len(m.role)) and (len(m.role) < 5))"),
        ("m.content.format(x=1) == m.role", None),
    ],
)
def test_an_expression_reads_as_it_is_written(condition: str, shown: str | None) -> None:
    text = f'raise "x" if:\n    (m: Message)\n    {condition}\n'
    assert lines(text)[2] == f"    if {shown or condition}"


def test_a_policy_without_rules_has_an_empty_plan() -> None:
    assert lines("# nothing\n") == []
