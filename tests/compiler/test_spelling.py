from __future__ import annotations

import pytest

from policyc.compiler.spelling import closest, did_you_mean, distance


@pytest.mark.parametrize(
    ("left", "right", "mistakes"),
    [
        ("send", "send", 0),
        ("send", "sned", 1),
        ("send", "sendd", 1),
        ("send", "sed", 1),
        ("send", "sand", 1),
        ("message", "mesasge", 1),
        ("abc", "xyz", 3),
        ("", "ab", 2),
    ],
)
def test_distance_counts_slips_of_the_keyboard(left: str, right: str, mistakes: int) -> None:
    assert distance(left, right, 5) == distance(right, left, 5) == mistakes


def test_distance_stops_counting_at_the_limit() -> None:
    assert distance("abcdefgh", "stuvwxyz", 2) == 3
    assert distance("a", "abcdefgh", 2) == 3


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lenn", "len"),
        ("toolcall", "ToolCall"),
        ("tool_call", "ToolCall"),
        ("Mesage", "Message"),
        ("x", None),
        ("user", None),
        ("Message", None),
    ],
)
def test_closest_is_at_most_a_third_of_the_name_away(name: str, meant: str | None) -> None:
    assert closest(name, ["len", "Message", "ToolCall", "y"]) == meant


def test_the_nearest_candidate_wins_whatever_the_order() -> None:
    for candidates in (["secrets", "secretly"], ["secretly", "secrets"]):
        assert closest("secretz", candidates) == "secrets"


def test_did_you_mean_is_a_sentence_or_nothing() -> None:
    assert did_you_mean("lenn", ["len"]) == "did you mean `len`?"
    assert did_you_mean("frobnicate", ["len"]) is None
