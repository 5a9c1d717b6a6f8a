"""`any`, `len`, `max`, `sorted`, `subset` and their like."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.runtime.bounds import MAX_SIZE, BuiltinError
from policyc.runtime.builtins import sequences as s
from policyc.runtime.events import Chunks, TextChunk

CHUNKS = Chunks([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], (0, "content"), 0)


@pytest.mark.parametrize("values", [None, [], (), {}, ""])
def test_nothing_is_empty_for_every_function(values: Any) -> None:
    assert s.length(values) == 0
    assert s.is_empty(values)
    assert not s.any_true(values)
    assert s.all_true(values)
    assert s.total(values) == 0
    assert s.ordered(values) == s.to_list(values) == []
    assert s.smallest(values, default="none") == s.largest(values, default="none") == "none"
    assert s.subset(values, ["a"])
    assert s.only(values or None, ["a"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, "x"], True), ([0, "", None, []], False), ({"k": 0}, True), ((False, True), True)],
)
def test_any(values: Any, expected: bool) -> None:
    assert s.any_true(values) is expected


def test_any_of_a_comparison_says_what_to_write() -> None:
    with pytest.raises(BuiltinError, match="`any` takes a list, not a truth value") as caught:
        s.any_true(True)
    assert caught.value.help is not None
    assert "Leave `any(...)` out" in caught.value.help


@pytest.mark.parametrize("function", [s.all_true, s.total, s.ordered, s.to_list, s.to_tuple])
def test_a_number_is_no_list(function: Any) -> None:
    with pytest.raises(BuiltinError, match="takes a list, not a number"):
        function(3)


def test_len_counts_what_a_policy_sees() -> None:
    assert s.length("äö") == 2
    assert s.length({"a": 1, "b": 2}) == 2
    assert s.length(CHUNKS) == 2
    with pytest.raises(BuiltinError, match="a number has no length"):
        s.length(5)


def test_elements_of_content_are_its_chunks() -> None:
    chunks = s.to_list(CHUNKS)
    assert [chunk.data["text"] for chunk in chunks] == ["a", "b"]
    assert isinstance(chunks[1], TextChunk)
    assert chunks[1].place == (0, "content", 1)


def test_smallest_and_largest() -> None:
    assert s.smallest([3, 1.5, 2]) == 1.5
    assert s.largest(3, 7, 5) == 7
    assert s.largest(["aa", "b"], key=len) == "aa"
    assert s.smallest("ba") == "a"
    assert s.largest([0], default=9) == 0


@pytest.mark.parametrize(("function", "name"), [(s.smallest, "min"), (s.largest, "max")])
def test_the_extreme_of_nothing_needs_a_default(function: Any, name: str) -> None:
    with pytest.raises(BuiltinError, match=f"`{name}` of an empty list has no answer") as caught:
        function([])
    assert caught.value.help == f"Say what it is then: `{name}(values, default=0)`."
    assert function(None, default=None) is None


@pytest.mark.parametrize("function", [s.smallest, s.largest, s.ordered])
def test_unlike_values_have_no_order(function: Any) -> None:
    with pytest.raises(BuiltinError, match="cannot compare a number and a text"):
        function([1, "a"])
    with pytest.raises(BuiltinError, match="cannot compare an object and an object"):
        function([{}, {}])
    with pytest.raises(BuiltinError, match="` takes a function, not a text"):
        function([1], key="len")


def test_sum_adds_numbers() -> None:
    assert s.total([1, 2.5, True]) == 4.5
    assert s.total([1], 10) == 11
    with pytest.raises(BuiltinError, match="`sum` adds numbers, not a text"):
        s.total(["a"])
    with pytest.raises(BuiltinError, match="the sum is too large"):
        s.total([10**400, 0.5])


def test_sorted() -> None:
    assert s.ordered({"b": 1, "a": 2}) == ["a", "b"]
    assert s.ordered(["ccc", "a"], key=len, reverse=True) == ["ccc", "a"]
    assert s.ordered([3, 1, 2], reverse=True) == [3, 2, 1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((3,), [0, 1, 2]), ((2, 4), [2, 3]), ((5, 1, -2), [5, 3]), ((0,), []), ((3, 1), [])],
)
def test_range(arguments: tuple[int, ...], expected: list[int]) -> None:
    assert s.number_range(*arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10**30,), "a list of more than 1000000 elements is not built"),
        ((0, 10**7), "a list of more than 1000000 elements is not built"),
        ((1, 2, 0), "the step of `range` cannot be 0"),
        (("3",), "`range` takes whole numbers, not a text"),
        ((1.5,), "`range` takes whole numbers, not a number"),
    ],
)
def test_range_refuses(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        s.number_range(*arguments)


def test_subset_compares_elements() -> None:
    assert s.subset(["a", "a"], ["b", "a"])
    assert not s.subset(["a", "c"], ["b", "a"])
    assert s.subset({"k": 1}, ["k", "l"])
    assert s.subset([{"k": [1]}], [{"k": [1]}, 2])
    assert not s.subset([{"k": [1]}], [{"k": [2]}])


def test_only_takes_one_value_or_a_list() -> None:
    assert s.only("user", ["user", "system"])
    assert not s.only("tool", ["user", "system"])
    assert s.only(["user", "user"], ["user"])
    assert not s.only(["user", "tool"], ["user"])
    assert not s.only("user", None)


def test_long_lists_of_objects_are_not_compared_for_ever() -> None:
    objects: list[Any] = [{}] * 3000
    with pytest.raises(BuiltinError, match="too long to be compared"):
        s.subset(objects, objects)


def test_no_list_grows_over_the_limit() -> None:
    with pytest.raises(BuiltinError, match="more than 1000000 elements"):
        s.to_list("a" * (MAX_SIZE + 1))
