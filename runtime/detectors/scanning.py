"""Runs a detector over texts: long ones in windows, several at once where the detector can.

No part of a text is left out. Where a detector is slower than it may be, or fails, that is an error
for whoever asked; a text that was not looked at to its end is never "nothing found".
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.detectors.answers import name_of, question
from policyc.runtime.detectors.protocol import Detection
from policyc.runtime.failures import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyc.compiler.signatures import Signature
    from policyc.runtime.detectors.answers import AnswerCache

SECONDS = 1.0
"""What a window may take on average. A detector is not interrupted within a window."""


def scan(
    row: Signature,
    function: Callable[..., Any],
    texts: Sequence[str],
    options: Sequence[Any],
    keywords: dict[str, Any],
    answers: AnswerCache | None = None,
) -> list[Sequence[Detection]]:
    """What a detector finds in each text. With `answers` each different text is looked at once, and
    not at all where the answer is known.

    Raises:
        EvaluationError: the detector failed, was too slow, or answered with something else.
        PolicycError: what the detector itself raised.
    """
    if answers is None or not row.deterministic:
        return _look(row, function, texts, options, keywords)
    asked = question(row, options, keywords)
    names = {text: name_of(asked, text) for text in texts}
    found = {text: answers.get(name) for text, name in names.items()}
    new = [text for text, known in found.items() if known is None]
    for text, detections in zip(new, _look(row, function, new, options, keywords), strict=True):
        found[text] = detections
        answers.put(names[text], detections)
    return [found[text] or () for text in texts]


def _look(
    row: Signature,
    function: Callable[..., Any],
    texts: Sequence[str],
    options: Sequence[Any],
    keywords: dict[str, Any],
) -> list[Sequence[Detection]]:
    is_short = not row.window or all(len(text) <= row.window for text in texts)
    try:
        batch = getattr(function, "batch", None)
        if batch is not None and len(texts) > 1 and is_short:
            answers = list(batch(texts, *options, **keywords))
            if len(answers) != len(texts):
                raise EvaluationError(f"`{row.name}` answered {len(answers)} of {len(texts)} texts")
        else:
            answers = [_whole(row, function, text, options, keywords) for text in texts]
    except (PolicycError, RecursionError):
        raise
    except Exception as error:
        raise EvaluationError(f"`{row.name}` failed: {error}") from error
    for text, answer in zip(texts, answers, strict=True):
        _check(row.name, text, answer)
    return answers


def _whole(
    row: Signature,
    function: Callable[..., Any],
    text: str,
    options: Sequence[Any],
    keywords: dict[str, Any],
) -> Sequence[Detection]:
    def look(piece: str) -> Any:
        return function(piece, *options, **keywords)

    return in_windows(row.name, look, text, row.window, row.margin) if row.window else look(text)


def in_windows(
    name: str, look: Callable[[str], Any], text: str, size: int, margin: int
) -> Sequence[Detection]:
    """What is found in a text that is looked at in pieces of `size` characters: see `windows`.

    Raises:
        EvaluationError: it was too slow, or did not answer with detections.
    """
    if len(text) <= size:
        return look(text)  # type: ignore[no-any-return]  # checked by `scan`
    found: list[Detection] = []
    started = monotonic()
    pieces = windows(len(text), size, margin)
    for number, (start, end, first, last) in enumerate(pieces, 1):
        piece = look(text[start:end])
        _check(name, text[start:end], piece)
        found += (
            replace(one, start=one.start + start, end=one.end + start)
            for one in piece
            if first <= one.start + start < last
        )
        if monotonic() - started > SECONDS * number:
            raise EvaluationError(
                f"`{name}` was too slow: it looked at {end} of {len(text)} characters"
            )
    return found


def windows(length: int, size: int, margin: int) -> Iterator[tuple[int, int, int, int]]:
    """The windows over a text: start and end of each, and between which places its findings start.

    Every place of the text is owned by one window, which holds `margin` characters on both sides of
    it, where the text has them.
    """
    step = size - 2 * margin
    start = 0
    while True:
        end = min(start + size, length)
        first = start + margin if start else 0
        last = end - margin if end < length else length + 1
        yield start, end, first, last
        if end == length:
            return
        start += step


def _check(name: str, text: str, answer: Any) -> None:
    """Refuse what is no list of detections within the text.

    Raises:
        EvaluationError: it is not.
    """
    if not isinstance(answer, list | tuple):
        raise EvaluationError(f"`{name}` did not answer with a list of detections")
    for one in answer:
        if not isinstance(one, Detection):
            raise EvaluationError(f"`{name}` did not answer with a list of detections")
        if not 0 <= one.start <= one.end <= len(text):
            raise EvaluationError(f"`{name}` found something outside of the text")
