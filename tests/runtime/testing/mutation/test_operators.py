"""Every mutation operator: its changes, a case that notices one and a case that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.testing.mutation.examples import EXAMPLES, rule

from policyc import Policy
from policyc.grammar.source import Source
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.operators.registry import OPERATORS
from policyc.runtime.testing.mutation.programs import MutantPrograms

if TYPE_CHECKING:
    from policyc.runtime.testing.mutation.mutants import Mutant, MutantSet


def mutants(source: str, *kinds: str) -> list[Mutant]:
    return list(find_mutants([Source(source)], kinds=kinds or None).mutants)


def changes(source: str, kind: str) -> list[tuple[str, str]]:
    """What becomes what."""
    return [(mutant.original, mutant.replaced) for mutant in mutants(source, kind)]


def lines(source: str, kind: str) -> list[str]:
    """For each mutant the lines of its text that are not in the policy."""
    known = source.splitlines()
    return [
        "\n".join(x for x in mutant.text(Source(source)).splitlines() if x not in known)
        for mutant in mutants(source, kind)
    ]


def test_every_operator_has_an_example() -> None:
    assert [operator.name for operator in OPERATORS] == list(EXAMPLES)


def notices(found: MutantSet, mutant: Mutant, trace: list[Any]) -> bool:
    programs = MutantPrograms(found.plan)
    before = Policy(programs.unchanged).analyze(trace).to_dict()
    return Policy(programs.of(mutant)).analyze(trace).to_dict() != before


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_case_notices_the_change_and_another_does_not(kind: str) -> None:
    example = EXAMPLES[kind]
    found = find_mutants([Source(example.source)], kinds=[kind])
    (mutant, *_) = [x for x in found.mutants if x.replaced == example.replaced]

    assert notices(found, mutant, example.killing)
    assert not notices(found, mutant, example.surviving)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda x: x.name)
def test_a_row_says_what_the_operator_does(operator: Any) -> None:
    assert operator.about.endswith(".")
    assert operator.before != operator.after
    assert operator.hint.format(condition="c", before="b", after="a", sample="")


# --- conditions


def test_a_dropped_line_keeps_the_variables_that_it_declares() -> None:
    source = rule("(a: ToolCall) -> (b: ToolCall)", "a is tool:f", "b is tool:g")
    assert lines(source, "condition-dropped") == ["    (a: ToolCall) and (b: ToolCall)", "", ""]


def test_the_only_line_of_a_predicate_becomes_true() -> None:
    source = rule("(m: Message)", "p(m)", before='p(m: Message) := m.role == "user"\n')
    assert lines(source, "condition-dropped") == ["p(m: Message) := True", ""]


def test_conditions_of_blocks_and_comprehensions_are_dropped() -> None:
    source = rule(
        "not forall:",
        "    (m: Message)",
        '    m.role == "user"',
        'any([x == "a" for x in input.names if x != "b"])',
        before="from invariant import forall\n",
    )
    dropped = changes(source, "condition-dropped")
    assert ('m.role == "user"', "") in dropped
    assert ('if x != "b"', "") in dropped


def test_a_negation_gets_brackets_where_it_needs_them() -> None:
    source = rule("(m: Message)", '"a" in m.content or "b" in m.content')
    assert lines(source, "condition-negated")[0] == (
        '    not ("a" in m.content or "b" in m.content)'
    )


def test_a_swapped_word_keeps_the_order_of_evaluation() -> None:
    source = rule("(m: Message)", "'a' in m.content and 'b' in m.content or m.role == 'c'")
    assert lines(source, "and-or-swapped") == [
        "    ('a' in m.content or 'b' in m.content) or m.role == 'c'",
        "    'a' in m.content and 'b' in m.content and m.role == 'c'",
    ]


def test_sides_are_dropped_with_their_word_and_brackets_stay() -> None:
    source = rule("(m: Message)", "('a' in m.content) or 'b' in m.content or m.role == 'c'")
    assert lines(source, "side-dropped") == [
        "    'b' in m.content or m.role == 'c'",
        "    ('a' in m.content) or m.role == 'c'",
        "    ('a' in m.content) or 'b' in m.content",
    ]


# --- flows, comparisons, quantifiers


def test_neighbours_of_a_chain_change_places() -> None:
    source = rule("(a: ToolCall) -> (b: ToolCall) -> (c: ToolCall)", "a is tool:f")
    assert lines(source, "flow-reversed") == [
        "    (b: ToolCall) -> (a: ToolCall) -> (c: ToolCall)",
        "    (a: ToolCall) -> (c: ToolCall) -> (b: ToolCall)",
    ]


def test_operators_of_two_words_are_one() -> None:
    source = rule("(m: Message)", 'm.role not  in ["a"]', "m.content is not None")
    assert changes(source, "comparison-inverted") == [("not  in", "in"), ("is not", "is")]


def test_a_quantifier_that_needs_an_import_gets_it() -> None:
    source = rule(
        "not forall:",
        "    (m: Message)",
        '    m.role == "user"',
        before="from invariant import forall\n",
    )
    (mutant,) = mutants(source, "quantifier-swapped")
    text = mutant.text(Source(source))
    assert text.startswith("from invariant import count\nfrom invariant import forall\n")
    assert "    not count(min=1):\n" in text
    assert Policy.from_string(text).analyze([{"role": "user", "content": ""}]).violations == []


def test_bounds_that_cannot_be_are_not_made() -> None:
    source = rule("count(0, 1):", "    (m: Message)", before="from invariant import count\n")
    assert changes(source, "bound-changed") == [("0", "1"), ("1", "0"), ("1", "2")]
    assert lines(source, "bound-dropped") == ["    count(0):"]


# --- tools and constants


def test_quoted_names_and_keys_stay_quoted() -> None:
    source = rule("(c: ToolCall)", "c is tool:'we\\'ird' ({'a b': 1, to: 2})")
    assert changes(source, "tool-renamed") == [("'we\\'ird'", "'we\\'ird_'")]
    assert changes(source, "tool-widened") == [("'we\\'ird'", "*")]
    assert changes(source, "argument-renamed") == [("'a b'", "'a b_'"), ("to", "to_")]
    assert lines(source, "argument-dropped") == [
        "    c is tool:'we\\'ird' ({to: 2})",
        "    c is tool:'we\\'ird' ({'a b': 1})",
    ]


def test_the_only_argument_goes_with_its_brackets() -> None:
    source = rule("(c: ToolCall)", "c is tool:f({a: {b: 1}})")
    assert lines(source, "argument-dropped") == ["    c is tool:f", "    c is tool:f({a: {}})"]


def test_the_last_element_of_a_list_leaves_an_empty_one() -> None:
    source = rule("(m: Message)", 'm.role in ["a",]', "m.content in ['b', 'c',]")
    assert lines(source, "element-removed") == [
        "    m.role in []",
        "    m.content in ['c',]",
        "    m.content in ['b',]",
    ]


def test_numbers_below_zero_are_written_with_a_sign() -> None:
    source = rule("(c: ToolCall)", "c.function.arguments.n > 0", "c.function.arguments.m == -1.5")
    assert changes(source, "number-changed") == [
        ("0", "-1"),
        ("0", "1"),
        ("1.5", "0.5"),
        ("1.5", "2.5"),
    ]


def test_a_constant_is_changed_where_it_is_declared_and_concerns_all_its_rules() -> None:
    source = (
        'WORD := "a"\n'
        'UNUSED := "b"\n'
        'SAID := "message"\n'
        "says(m: Message) := WORD in m.content\n"
        "raise SAID if:\n    (m: Message)\n    says(m)\n"
        'raise "two" if:\n    (m: Message)\n    m.role == WORD\n'
        'raise "three" if:\n    (m: Message)\n    m.role == "c"\n'
    )
    found = mutants(source, "text-changed")
    assert [(x.line, x.original, x.patch.numbers) for x in found] == [
        (1, '"a"', (0, 1)),
        (13, '"c"', (2,)),
    ]


def test_what_a_rule_raises_is_not_changed() -> None:
    source = 'raise Violation("a", n=1, t=["x"]) if:\n    (m: Message)\n'
    assert {x.kind for x in mutants(source)} == {"rule-removed"}
