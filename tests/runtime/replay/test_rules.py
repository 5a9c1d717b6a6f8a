"""Which rule of a new policy is which one of the old."""

from __future__ import annotations

from pathlib import Path

import policyc
from policyc.runtime.replay.rules import RulePair, pair_rules


def rule(name: str, condition: str) -> str:
    return f"raise {name} if:\n    (m: Message)\n    {condition}\n\n"


def paired(old: str, new: str) -> list[tuple[str | None, str | None, str]]:
    """Old name, new name, status."""
    return shown(pairs_of(old, new))


def pairs_of(old: str, new: str) -> tuple[RulePair, ...]:
    sources = (policyc.Policy.from_string(text) for text in (old, new))
    before, now = (policy._engine.plan for policy in sources)
    return pair_rules(before, now)


def shown(pairs: tuple[RulePair, ...]) -> list[tuple[str | None, str | None, str]]:
    return [
        (pair.old and pair.old.ref.name, pair.new and pair.new.ref.name, pair.status.value)
        for pair in pairs
    ]


A = rule('"a"', '"x" in m.content')
B = rule('"b"', '"y" in m.content')


def test_rules_of_one_name_belong_together_wherever_they_stand() -> None:
    changed = rule('"a [risk=high]"', '"z" in m.content')
    pairs = pairs_of(A + B, B + changed)
    assert shown(pairs) == [("b", "b", "kept"), ("a", "a", "kept")]
    assert [(pair.old and pair.old.risk, pair.new and pair.new.risk) for pair in pairs] == [
        (None, None),
        (None, "high"),
    ]
    assert [pair.name for pair in pairs] == ["b", "a"]


def test_added_and_removed_rules() -> None:
    assert paired(A, B) == [(None, "b", "added"), ("a", None, "removed")]


def test_another_name_and_the_same_conditions_is_a_renamed_rule() -> None:
    renamed = 'raise "other" if:\n  (m: Message)  # a comment\n  "x" in m.content\n'
    assert paired(A + B, renamed + B) == [("a", "other", "renamed"), ("b", "b", "kept")]


def test_a_predicate_that_moves_does_not_hide_a_renamed_rule() -> None:
    predicates = [
        "p(m: Message) :=\n    m.role == 'user'\n\n",
        "q(m: Message) :=\n    m.role == 'tool'\n\n",
    ]
    old = "".join(predicates) + rule('"a"', "p(m)")
    new = "".join(reversed(predicates)) + rule('"b"', "p(m)")
    assert paired(old, new) == [("a", "b", "renamed")]


def test_rules_of_one_name_are_told_apart_by_what_they_say() -> None:
    first, second = rule('"a"', '"x" in m.content'), rule('"a"', '"y" in m.content')
    assert paired(first + second, second) == [("a #2", "a", "kept"), ("a", None, "removed")]
    third = rule('"a"', '"z" in m.content')
    assert paired(first + second, second + third) == [
        ("a #2", "a", "kept"),
        ("a", "a #2", "kept"),
    ]


def test_rules_without_a_name_are_told_apart_by_what_they_say() -> None:
    first, second = rule("m.role", '"x" in m.content'), rule("m.role", '"y" in m.content')
    assert paired(first + second, second + first) == [
        ("rule 2", "rule 1", "kept"),
        ("rule 1", "rule 2", "kept"),
    ]


def test_rules_of_one_name_in_several_files_keep_to_their_file(tmp_path: Path) -> None:
    def policy(folder: str, *names: str) -> policyc.Policy:
        (tmp_path / folder).mkdir()
        paths = [tmp_path / folder / name for name in names]
        for path in paths:
            path.write_text(rule('"a"', f'"{folder}" in m.content'), "utf-8")
        return policyc.Policy.from_files(paths)

    old, new = policy("old", "one.inv", "two.inv"), policy("new", "two.inv", "one.inv")
    pairs = pair_rules(old._engine.plan, new._engine.plan)
    places = [
        (Path(pair.old.ref.path or "").name, Path(pair.new.ref.path or "").name)
        for pair in pairs
        if pair.old and pair.new
    ]
    assert places == [("two.inv", "two.inv"), ("one.inv", "one.inv")]
