"""Texts with the same words."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.lexical_similarity import THRESHOLDS, detect


def score(text: str, target: Any) -> float:
    found = detect(text, target, 0, model="lexical")
    return found[0].score if found else 0.0


@pytest.mark.parametrize(
    ("text", "target", "least", "most"),
    [
        ("the same text", "the same text", 1.0, 1.0),
        ("How do I reset my password?", "I forgot my password, how to reset it?", 0.75, 1),
        ("please drop the production database now", "delete the production database", 0.5, 0.75),
        ("What is the capital of Germany?", "What is the capital of France?", 0.4, 0.75),
        ("What is the capital of Germany?", "How do magnets work?", 0, 0.1),
        ("Delete all files in the workspace", "The weather is nice in Zurich", 0, 0.1),
        ("", "anything", 0, 0),
        ("anything", "", 0, 0),
    ],
)
def test_scores(text: str, target: str, least: float, most: float) -> None:
    assert least <= score(text, target) <= most


def test_the_passage_that_is_most_alike_is_marked() -> None:
    text = "Good morning. Please delete the production database. Have a nice day."
    (found,) = detect(text, "delete the production database", model="lexical")
    assert text[found.start : found.end].strip() == "Please delete the production database."
    assert score(text, ["unrelated words", "delete the production database"]) == found.score


def test_named_thresholds_rise() -> None:
    assert list(THRESHOLDS.values()) == sorted(THRESHOLDS.values())
    text, target = "please drop the production database now", "delete the production database"
    names = [name for name in THRESHOLDS if detect(text, target, name, model="lexical")]
    assert names == ["might_resemble", "same_topic"]


@pytest.mark.parametrize(
    ("threshold", "model"), [("alike", "lexical"), (True, "lexical"), (None, "lexical"), (0.5, "x")]
)
def test_what_cannot_be_asked_for(threshold: Any, model: str) -> None:
    with pytest.raises(BuiltinError, match=r"`threshold` takes|has no model"):
        detect("text", "target", threshold, model=model)


def test_too_many_targets() -> None:
    with pytest.raises(BuiltinError, match="at most 100 texts"):
        detect("text", ["x"] * 101, model="lexical")
