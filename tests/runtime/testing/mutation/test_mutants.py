"""Making mutants: what they are in the text is what they are in the plan; ids, order, counts."""

from __future__ import annotations

import pickle

import pytest
from tests.differential.choices import SeededChoices
from tests.differential.policy_makers import make_policy, with_noise
from tests.runtime.testing.mutation.examples import rule

from policyc import Policy, PolicyError, policies
from policyc.compiler.pipeline import compile_sources
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from policyc.runtime.loading import read_source
from policyc.runtime.testing.mutation.equivalence import meaning_of
from policyc.runtime.testing.mutation.finding import find_mutants
from policyc.runtime.testing.mutation.mutants import Counts

ONE = rule("(m: Message)", 'm.role == "user"')
TWO = rule("(c: ToolCall)", "c is tool:f").replace("found", "other")


@pytest.mark.parametrize("seed", range(12))
def test_the_text_of_a_mutant_compiles_to_its_plan(seed: int) -> None:
    choices = SeededChoices(f"texts{seed}")
    text = with_noise(choices, make_policy(choices, tame=seed % 3 == 0).source)
    try:
        found = find_mutants([Source(text)])
    except PolicyError:
        pytest.skip("the compiler refuses the policy")
    for mutant in found.mutants[::2]:
        if mutant.kind == "rule-removed":
            continue
        source = Source(mutant.text(found.sources[0]))
        plan = compile_sources([source], catalogue(None)).require()
        whole = mutant.patch.applied(found.plan)
        for changed in mutant.patch.rules:
            meant = meaning_of(whole, changed)
            assert meant == meaning_of(plan, plan.rules[changed.index]), mutant.id


def test_the_mutants_of_a_policy_are_always_the_same() -> None:
    sources = [Source(ONE, "one.inv"), Source(TWO, "two.inv")]
    first, second = find_mutants(sources), find_mutants(sources)
    assert first.mutants == second.mutants
    assert first.left_out == second.left_out
    assert pickle.loads(pickle.dumps(first)).mutants == first.mutants


def test_ids_tell_the_place_and_are_unique() -> None:
    found = find_mutants([Source(ONE, "one.inv"), Source(TWO, "two.inv")])
    ids = [mutant.id for mutant in found.mutants]
    assert len(set(ids)) == len(ids)
    assert ids == [
        "one.inv:1:1:rule-removed:1",
        "one.inv:3:5:condition-dropped:1",
        "one.inv:3:12:comparison-inverted:1",
        "one.inv:3:15:text-changed:1",
        "two.inv:1:1:rule-removed:1",
        "two.inv:2:9:type-swapped:1",
        "two.inv:3:5:condition-dropped:1",
        "two.inv:3:7:comparison-inverted:1",
        "two.inv:3:15:tool-renamed:1",
    ]


def test_of_mutants_that_mean_the_same_one_is_kept() -> None:
    found = find_mutants([Source(ONE)])
    assert found.left_out[0, "condition-negated"] == Counts(duplicate=1)


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("(True or m.role == 'a') and m.role == 'a' and m.role == 'a'", "side-dropped"),
        ("not not m.role == 'a' or False and m.role == 'b'", "comparison-inverted"),
        ("False and m.role == 'b'", "text-changed"),
        ("1 < 5 and m.role == 'a'", "number-changed"),
        ("match('a+b*', m.content)", "pattern-narrowed"),
        ("m.role == 'a' if 1 < 2 else m.role == 'b'", "comparison-inverted"),
    ],
)
def test_what_is_proven_to_change_nothing_is_left_out(condition: str, kind: str) -> None:
    found = find_mutants([Source(rule("(m: Message)", condition))])
    assert found.left_out[0, kind].equivalent > 0


def test_what_is_no_policy_is_left_out() -> None:
    found = find_mutants([Source(rule("(c: ToolCall)", 'c.function.name == "f"'))])
    assert found.left_out[0, "type-swapped"] == Counts(refused=1)


def test_only_some_kinds_and_rules() -> None:
    sources = [Source(ONE), Source(TWO)]
    assert {x.kind for x in find_mutants(sources, kinds=["text-changed"]).mutants} == {
        "text-changed"
    }
    assert {x.patch.numbers for x in find_mutants(sources, rules=[1]).mutants} == {(1,)}


def test_the_other_rules_of_a_mutant_are_those_of_the_policy() -> None:
    found = find_mutants([Source(ONE), Source(TWO)])
    for mutant in found.mutants:
        plan = mutant.patch.applied(found.plan)
        assert [x.ref for x in plan.rules] == [x.ref for x in found.plan.rules]
        for number, known in enumerate(found.plan.rules):
            assert (plan.rules[number] is known) == (number not in mutant.patch.numbers)


def test_predicates_and_constants_of_a_mutant_are_its_own() -> None:
    source = (
        "LIMIT := 1 + 1\n"
        "long(m: Message) := len(m.content) > LIMIT\n"
        'raise "one" if:\n    (m: Message)\n    long(m)\n'
        'raise "two" if:\n    (m: Message)\n    not long(m)\n'
    )
    found = find_mutants([Source(source)])
    (mutant, *_) = [x for x in found.mutants if x.kind == "boundary-moved"]
    assert mutant.patch.numbers == (0, 1)
    text = mutant.text(Source(source))
    trace = [{"role": "user", "content": "ab"}]
    assert [v.message for v in Policy.from_string(source).analyze(trace)] == ["two"]
    assert [v.message for v in Policy.from_string(text).analyze(trace)] == ["one"]


def test_functions_of_the_host_are_known() -> None:
    source = rule("(m: Message)", "is_odd(m.content)")
    found = find_mutants([Source(source)], {"is_odd": lambda text: len(text) % 2 == 1})
    assert "condition-negated" in {mutant.kind for mutant in found.mutants}


def test_a_policy_with_errors_has_no_mutants() -> None:
    with pytest.raises(PolicyError):
        find_mutants([Source('raise "x" if:\n    m.role == "user"\n')])


def test_no_mutants_of_nothing() -> None:
    assert find_mutants([Source("# only a comment\n")]).mutants == ()
    assert find_mutants([]).mutants == ()


def test_bundled_policies_have_mutants_of_most_kinds() -> None:
    names = policies.names()
    sources = [read_source(f"policy:{name}") for name in names]
    kinds = {mutant.kind for mutant in find_mutants(sources).mutants}
    assert {"rule-removed", "pattern-narrowed", "number-changed", "flow-reversed"} <= kinds
