"""Which rules changed since an older text."""

from __future__ import annotations

import pytest

from policyc import PolicyError
from policyc.grammar.source import Source
from policyc.runtime.testing.mutation.since import changed_rules

TEXT = """from invariant.detectors import secrets
from invariant import count

WORD := "a"
says(m: Message) := WORD in m.content

raise "one" if:
    (m: Message)
    says(m)

raise "two" if:
    (m: Message)
    any(secrets(m.content))

raise "three" if:
    count(min=2):
        (m: Message)
"""


def changed(before: str | None, text: str = TEXT) -> list[int]:
    return sorted(changed_rules([Source(text)], [before]))


def test_nothing_changed() -> None:
    assert changed(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(m: Message)\n    says(m)", "(m: Message)  # why\n\n    says( m )"),
        ('raise "one"', '# a comment\nraise "one"'),
        ("from invariant import count\n", "from invariant import count, forall\n"),
    ],
)
def test_layout_comments_and_other_imports_are_no_change(old: str, new: str) -> None:
    assert changed(TEXT.replace(old, new)) == []


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ("says(m)\n\n", "not says(m)\n\n", [0]),
        ('WORD := "a"', 'WORD := "b"', [0]),
        ("WORD in m.content", "WORD == m.content", [0]),
        ('raise "two"', 'raise "2"', [1]),
        ("import secrets", "import unicode as secrets", [1]),
        ("min=2", "min=3", [2]),
    ],
)
def test_a_change_of_a_rule_or_of_what_it_needs(old: str, new: str, rules: list[int]) -> None:
    assert changed(TEXT.replace(old, new)) == rules


def test_a_rule_that_moved_is_the_same() -> None:
    head, one, two, three = (
        TEXT.partition("raise")[0],
        *("raise" + part for part in TEXT.split("raise")[1:]),
    )
    assert changed(head + three + "\n" + one + two) == []


def test_new_files_and_files_with_errors_are_changed_as_a_whole() -> None:
    assert changed(None) == [0, 1, 2]
    assert changed("raise if") == [0, 1, 2]


def test_rules_are_counted_over_all_files() -> None:
    sources = [Source(TEXT), Source('raise "x" if:\n    (m: Message)\n')]
    assert changed_rules(sources, [TEXT, None]) == {3}


def test_a_file_with_errors_has_no_rules_to_compare() -> None:
    with pytest.raises(PolicyError):
        changed(TEXT, "raise if")
