"""How alike two texts are by their words: the model `lexical` of `is_similar`.

Texts are alike when they share words and parts of words, in any order. It knows no meanings: "car"
and "automobile" are nothing to it. Scores are those of this model alone; thresholds of models that
compare meanings do not carry over, so policies name the model.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors.protocol import Detection
from policyc.runtime.texts import collect_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

THRESHOLDS = {"might_resemble": 0.35, "same_topic": 0.5, "very_similar": 0.75}
"""The named thresholds of this model."""

MAX_TARGETS = 100
"""Texts that one call compares with."""

_WORD = re.compile(r"\w+")
SENTENCE = re.compile(r"[^.!?\n\u3002]+[.!?\u3002]*")
_COMMON = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "for",
        "from", "has", "have", "he", "her", "his", "i", "if", "in", "is", "it", "its",
        "me", "my", "not", "of", "on", "or", "our", "please", "she", "so", "that", "the",
        "their", "them", "then", "they", "this", "to", "us", "was", "we", "were", "what", "when",
        "which", "who", "will", "with", "would", "you", "your",
    }
)  # fmt: skip
"""Words that say nothing of a topic."""

_OF_WORD = 4.0
"""What a whole word weighs beside a part of three letters."""

Vector = dict[str, float]


def detect(
    text: str, target: Any, threshold: Any = "might_resemble", *, model: Any
) -> list[Detection]:
    """The passage of a text that is most like one of the targets, if it is alike enough.

    Compared are the whole text, its sentences, and every two sentences in a row.

    Raises:
        BuiltinError: an argument is of the wrong kind, or `model` is not available.
    """
    if model != "lexical":
        raise BuiltinError(f"`is_similar` has no model `{model}`", 'Write `model="lexical"`.')
    least = _threshold(threshold)
    targets = [_vector(_words(one)) for one, _ in collect_texts(target)]
    if len(targets) > MAX_TARGETS:
        raise BuiltinError(f"`is_similar` compares with at most {MAX_TARGETS} texts")
    shared: dict[str, tuple[str, ...]] = {}
    best = 0.0
    place = (0, 0)
    for start, end, words in _passages(text):
        score = _likeness(words, targets, shared)
        if score > best:
            best, place = score, (start, end)
    return [Detection("SIMILAR", *place, round(best, 4), "lexical")] if best >= least else []


def likeness(one: str, other: str) -> float:
    """How alike two texts are as a whole, from 0 to 1."""
    return _likeness(_words(one), [_vector(_words(other))], {})


def _threshold(threshold: Any) -> float:
    if isinstance(threshold, str) and threshold in THRESHOLDS:
        return THRESHOLDS[threshold]
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        names = ", ".join(f"`{name}`" for name in THRESHOLDS)
        raise BuiltinError(f"`threshold` takes a number or {names}, not {kind_of(threshold)}")
    return max(float(threshold), 1e-9)


def _passages(text: str) -> Iterator[tuple[int, int, Counter[str]]]:
    """Passages with their words and how often each occurs."""
    sentences = [
        (match.start(), match.end(), _words(match[0]))
        for match in SENTENCE.finditer(text)
        if not match[0].isspace()
    ]
    whole: Counter[str] = Counter()
    for _, _, words in sentences:
        whole.update(words)
    yield 0, len(text), whole
    if len(sentences) > 1:
        yield from sentences
        for (start, _, words), (_, end, more) in pairwise(sentences):
            yield start, end, words + more


def _words(text: str) -> Counter[str]:
    return Counter(word for word in _WORD.findall(text.lower()) if word not in _COMMON)


def _parts(word: str) -> list[str]:
    """A word as a whole, and its parts of three letters, edges included."""
    shown = f" {word} "
    return [word + "  ", *(shown[at : at + 3] for at in range(len(word)))]


def _weight(part: str) -> float:
    return _OF_WORD if part.endswith("  ") else 1.0


def _vector(words: Counter[str]) -> Vector:
    """The parts of words by how often they occur; of length 1."""
    counts: Vector = {}
    for word, count in words.items():
        for part in _parts(word):
            counts[part] = counts.get(part, 0.0) + _weight(part) * count
    length = sqrt(sum(counts.values()))
    return {part: sqrt(count) / length for part, count in counts.items()} if length else {}


def _likeness(
    words: Counter[str], targets: list[Vector], shared: dict[str, tuple[str, ...]]
) -> float:
    """The cosine of some words and the target most like them.

    `shared` remembers which parts of a word some target has: only these matter.
    """
    counts: Vector = {}
    size = 0.0
    for word, count in words.items():
        size += count * (_OF_WORD + len(word))
        if word not in shared:
            shared[word] = tuple(x for x in _parts(word) if any(x in one for one in targets))
        for part in shared[word]:
            counts[part] = counts.get(part, 0.0) + _weight(part) * count
    if not counts:
        return 0.0
    length = sqrt(size)
    return max(
        sum(sqrt(count) * one.get(part, 0.0) for part, count in counts.items()) / length
        for one in targets
    )
