"""What a policy sees of findings."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.compiler.signatures import Answer
from policyc.runtime.detectors.protocol import Detection, summarize

FOUND = [
    ("abab", [Detection("A", 0, 1), Detection("B", 1, 2), Detection("A", 2, 3)]),
    ("", []),
    ("b", [Detection("B", 0, 1)]),
]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer.TYPES, ["A", "B", "A", "B"]),
        (Answer.DISTINCT, ["A", "B"]),
        (Answer.TEXTS, ["a", "b"]),
        (Answer.FOUND, True),
    ],
)
def test_answers(answer: Answer, expected: Any) -> None:
    assert summarize(answer, FOUND) == expected


def test_nothing_found() -> None:
    assert [summarize(answer, [("a", [])]) for answer in Answer] == [[], [], [], False]
