"""How detectors are run over texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.compiler.signatures import FunctionKind, Signature
from policyc.runtime.detectors import scanning
from policyc.runtime.detectors.answers import AnswerCache, name_of, question
from policyc.runtime.detectors.protocol import Detection
from policyc.runtime.detectors.scanning import scan, windows
from policyc.runtime.failures import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Sequence


def row(**fields: Any) -> Signature:
    return Signature("spot", kind=FunctionKind.DETECTOR, implementation="a:b", **fields)


def spot(text: str, word: str = "bad") -> list[Detection]:
    found, at = [], text.find(word)
    while at >= 0:
        found.append(Detection(word, at, at + len(word)))
        at = text.find(word, at + 1)
    return found


def places(found: Sequence[Detection]) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in found]


@given(st.text("bad ", max_size=300), st.integers(20, 60))
def test_windows_find_what_the_whole_text_has(text: str, size: int) -> None:
    windowed = scan(row(window=size, margin=5), spot, [text], (), {})[0]
    assert places(windowed) == places(spot(text))


@given(st.integers(0, 500), st.integers(12, 50), st.integers(1, 5))
def test_every_place_belongs_to_one_window(length: int, size: int, margin: int) -> None:
    pieces = list(windows(length, size, margin))
    assert [first for _, _, first, _ in pieces[1:]] == [last for _, _, _, last in pieces[:-1]]
    assert (pieces[0][2], pieces[-1][3]) == (0, length + 1)
    assert all(end - start <= size for start, end, _, _ in pieces)


def test_each_different_text_is_looked_at_once() -> None:
    seen: list[str] = []

    def look(text: str) -> list[Detection]:
        seen.append(text)
        return spot(text)

    answers = AnswerCache()
    assert len(scan(row(), look, ["bad", "good", "bad"], (), {}, answers)) == 3
    scan(row(), look, ["good", "new"], (), {}, answers)
    assert seen == ["bad", "good", "new"]


def test_a_batch_is_one_call() -> None:
    calls: list[list[str]] = []

    class Batched:
        def __call__(self, text: str) -> list[Detection]:
            raise AssertionError("there is a batch")

        def batch(self, texts: Sequence[str]) -> list[list[Detection]]:
            calls.append(list(texts))
            return [spot(text) for text in texts]

    found = scan(row(), Batched(), ["a bad", "b", "a bad"], (), {}, AnswerCache())
    assert [places(one) for one in found] == [[(2, 5)], [], [(2, 5)]]
    assert calls == [["a bad", "b"]]


@pytest.mark.parametrize("answer", [None, "bad", [1], [Detection("x", 0, 99)], {"a": 1}])
def test_a_wrong_answer_is_an_error(answer: Any) -> None:
    with pytest.raises(EvaluationError, match="`spot`"):
        scan(row(), lambda _: answer, ["text"], (), {})


def test_a_text_that_takes_too_long_is_not_left_unlooked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scanning, "SECONDS", 0.0)
    with pytest.raises(EvaluationError, match="`spot` was too slow: it looked at 50 of 200"):
        scan(row(window=50, margin=5), spot, ["x" * 200], (), {})


def test_what_is_kept_holds_no_text() -> None:
    answers = AnswerCache()
    secret = "ghp_" + "aB3" * 12
    scan(row(), spot, [secret], (), {"word": secret[:9]}, answers)
    assert secret[:9] not in repr(vars(answers)).replace("Detection(type='ghp_aB3aB'", "")
    assert name_of(question(row(), (), {}), "a") != name_of(question(row(), (), {"x": 1}), "a")


def test_the_cache_is_bounded_and_drops_what_was_used_least() -> None:
    answers = AnswerCache(limit=1000)
    for name in (b"1", b"2", b"3"):
        answers.put(name, [])
        answers.get(b"1")
    answers.put(b"4", [])
    assert answers.get(b"1") is not None
    assert answers.get(b"2") is None
    assert answers.size <= 1000
    answers.put(b"5", [Detection("x", 0, 1)] * 1000)
    assert answers.get(b"5") is None
