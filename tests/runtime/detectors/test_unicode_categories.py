"""Unicode categories."""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.protocol import MAX_MARKS, Detection
from policyc.runtime.detectors.unicode_categories import detect


def test_every_character_lies_in_a_mark_of_its_category() -> None:
    assert detect("aB1 \u202e\u202ex") == [
        Detection("Ll", 0, 1),
        Detection("Lu", 1, 2),
        Detection("Nd", 2, 3),
        Detection("Zs", 3, 4),
        Detection("Cf", 4, 6),
        Detection("Ll", 6, 7),
    ]


def test_only_the_wanted_categories() -> None:
    assert detect("a\u202eb\U000e0041", ["Cf", "Zz"]) == [
        Detection("Cf", 1, 2),
        Detection("Cf", 3, 4),
    ]
    assert detect("ab", ["Cf"]) == []
    assert detect("ab", []) == []
    assert detect("ab", ["Ll"]) == [Detection("Ll", 0, 2)]
    assert detect("") == []


@given(
    st.text(st.characters(exclude_categories=[])),
    st.none() | st.lists(st.sampled_from(["Cc", "Cf", "Co", "Cs", "Cn", "Ll", "Pd", "So", "Zz"])),
)
def test_all_runs_are_those_of_the_characters(text: str, categories: list[str] | None) -> None:
    expected, start = [], 0
    for category, characters in groupby(text, unicodedata.category):
        end = start + len(list(characters))
        if categories is None or category in categories:
            expected.append(Detection(category, start, end))
        start = end
    assert detect(text, categories) == expected


def test_every_character_there_is_has_a_category() -> None:
    everything = "".join(map(chr, range(0x110000)))
    kinds = {one.type for one in detect(everything)}
    assert kinds == {unicodedata.category(character) for character in everything}


def test_no_category_is_lost_among_many_marks() -> None:
    found = detect("aB" * MAX_MARKS + "\u202e")
    assert len(found) == MAX_MARKS + 1
    assert found[-1] == Detection("Cf", 2 * MAX_MARKS, 2 * MAX_MARKS + 1)


@pytest.mark.parametrize("categories", ["Cf", 3, [1], {"Cf": 1}])
def test_categories_are_a_list_of_texts(categories: Any) -> None:
    with pytest.raises(BuiltinError, match="`categories` takes a list of category names"):
        detect("a", categories)
